"""tasks.engines.files.archives: what is unpacked, and what is refused before anything is on disk."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from tasks.engines.files import archives
from tasks.engines.files.archives import Archive
from tasks.problems import Problem

if TYPE_CHECKING:
    from tests.unit.conftest import Lines


Kind = Literal["w:", "w:gz", "w:bz2", "w:xz"]


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    """Return a member of an archive; the content of a file is its name."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, target, mode
    return made


def pack(folder: Path, *members: tarfile.TarInfo, kind: Kind = "w:gz") -> Path:
    """Pack a small source with further members."""
    archive = folder / "archive"
    with tarfile.open(archive, kind, encoding="utf-8", errors="surrogateescape") as tar:
        for each in (member("controller/src/main.go"), member("controller/README"), *members):
            content = each.name.encode(errors="surrogateescape") if each.isreg() else b""
            each.size = len(content)
            tar.addfile(each, io.BytesIO(content))
    return archive


def unpack(archive: Path) -> Path:
    folder = archive.with_name("unpacked")
    folder.mkdir()
    archives.unpack(Archive(archive, "controller", "src/controller.tar.gz", "how to make it"), folder)
    return folder / "controller"


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def test_what_a_mac_adds_is_passed_over_and_said(tmp_path: Path, said: Lines) -> None:
    foreign = ("._controller", "controller/._README", "controller/src/._main.go", "__MACOSX/controller/._src")
    root = unpack(pack(tmp_path, *map(member, foreign)))
    assert names(root) == {"src", "src/main.go", "README"}
    assert said.kept == ["src/controller.tar.gz: 4 entries of macOS (._*, __MACOSX) were passed over"]


LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
STRAY = {
    "a name that is not UTF-8": ((member("controller/b\udce9"),), r"'controller/b.udce9': a name that is not UTF-8"),
    "a link to such a name": ((member("controller/b", LINK, "\udce9"),), "a name that is not UTF-8"),
    "a line end": ((member("controller/a\nb"),), "a name with a line end"),
    "a link beside the top folder": ((member("controller/a", LINK, "../doit.db"),), "a points outside the archive"),
    "an absolute link": ((member("controller/a", LINK, "/controller/b"),), "a points outside the archive"),
    "a chain of links": (
        (
            member("controller/x/y", LINK, "."),
            member("controller/a", LINK, "x/y/y/y/../../.."),
        ),
        r"a points outside the archive, at x/y/y/y/\.\./\.\./\.\.",
    ),
    "links in a circle": ((member("controller/a", LINK, "b"), member("controller/b", LINK, "a")), "a points outside"),
    "a file behind a link": (
        (member("controller/a", LINK, "src"), member("controller/a/b")),
        "a/b lies below a, which is no folder",
    ),
    "a hard link outside": ((member("controller/a", HARD, "../../etc/passwd"),), "lies outside the archive"),
    "an absolute hard link": ((member("controller/a", HARD, "/etc/passwd"),), "lies outside the archive"),
    "a hard link to nothing": ((member("controller/a", HARD, "controller/none"),), "hard link to controller/none, no"),
    "a hard link through a link": (
        (member("controller/a", LINK, "../.."), member("controller/b", HARD, "controller/a/doit.db")),
        "hard link to controller/a/doit.db, no file of the archive",
    ),
    "a pipe": ((member("controller/a", tarfile.FIFOTYPE),), "is a device or a pipe"),
    "a device": ((member("controller/a", tarfile.CHRTYPE),), "is a device or a pipe"),
    "no folder at the top": ((member("controller", LINK, "src"),), "controller is no folder"),
}


@pytest.mark.parametrize(("members", "says"), STRAY.values(), ids=STRAY)
def test_what_cannot_be_unpacked_safely_is_one_line_and_nothing_is_written(
    tmp_path: Path, members: tuple[tarfile.TarInfo, ...], says: str
) -> None:
    with pytest.raises(Problem, match=rf"^src/controller\.tar\.gz: .*{says}") as caught:
        unpack(pack(tmp_path, *members))
    assert len(caught.value.message.splitlines()) == 1
    assert caught.value.hint == "how to make it"
    assert names(tmp_path) == {"archive", "unpacked"}


def test_hard_links_and_links_within_the_archive_are_unpacked(tmp_path: Path) -> None:
    root = unpack(
        pack(
            tmp_path,
            member("controller/first", HARD, "controller/src/main.go"),
            member("./controller/second", HARD, "./controller/first"),
            member("controller/there", LINK, "src/./../src"),
            member("controller/through", LINK, "there/main.go"),
            member("controller/later", LINK, "not-there"),
        )
    )
    found = {(root / name).read_text() for name in ("first", "second", "through")}
    assert found == {"controller/src/main.go"}
    assert (root / "later").readlink() == Path("not-there")


def test_of_two_members_with_one_path_the_later_one_is_there(tmp_path: Path) -> None:
    root = unpack(pack(tmp_path, member("controller/README", LINK, "src/main.go")))
    assert (root / "README").is_symlink()


def test_modes_are_those_that_everybody_can_read_whatever_the_archive_and_the_umask_say(tmp_path: Path) -> None:
    archive = pack(
        tmp_path,
        member("controller/closed", tarfile.DIRTYPE, mode=0),
        member("controller/closed/secret", mode=0o600),
        member("controller/closed/odd", mode=0o6654),
        member("controller/new/implied", mode=0o1000),
    )
    earlier = os.umask(0o077)
    try:
        root = unpack(archive)
    finally:
        os.umask(earlier)
    places = ("closed", "closed/secret", "closed/odd", "new", "new/implied")
    assert [stat.S_IMODE((root / place).stat().st_mode) for place in places] == [0o755, 0o644, 0o755, 0o755, 0o644]


NO_TAR = {
    "empty": (b"", "cannot be unpacked: empty"),
    "zip": (b"PK\x03\x04rest", "cannot be unpacked: a zip archive"),
    "zstd": (b"\x28\xb5\x2f\xfdrest", "cannot be unpacked: compressed with zstd"),
    "another page": (b"\n<!DOCTYPE html>", "cannot be unpacked: a page of HTML"),
    "text": (b"hello", "cannot be unpacked: neither tar nor compressed"),
    "gzip alone": (b"\x1f\x8b\x08", "cannot be unpacked: damaged or cut off"),
}


@pytest.mark.parametrize(("content", "says"), NO_TAR.values(), ids=NO_TAR)
def test_a_file_that_is_no_tar_is_named_as_what_it_is(tmp_path: Path, content: bytes, says: str) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(content)
    with pytest.raises(Problem, match=rf"^src/controller\.tar\.gz: {says}") as caught:
        unpack(archive)
    assert len(caught.value.message.splitlines()) == 1
    assert caught.value.hint == "how to make it"


@pytest.mark.usefixtures("powerless")
def test_an_archive_that_may_not_be_read_is_one_line(tmp_path: Path) -> None:
    archive = pack(tmp_path)
    archive.chmod(0)
    with pytest.raises(Problem, match=r"^src/controller\.tar\.gz: cannot be unpacked: Permission denied$"):
        archives.unpack(Archive(archive, "controller", "src/controller.tar.gz"), tmp_path)


@pytest.mark.parametrize("kind", ["w:", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("harm", ["cut at a member", "cut in a member", "a byte changed"])
def test_damage_is_one_line_however_the_archive_is_compressed(tmp_path: Path, kind: Kind, harm: str) -> None:
    archive = pack(tmp_path, kind=kind)
    content = bytearray(archive.read_bytes())
    # In the plain archive, the second member begins here; in the others, this is the middle.
    middle = 2 * tarfile.BLOCKSIZE if kind == "w:" else len(content) // 2
    if harm == "a byte changed":
        content[middle] ^= 0xFF
    else:
        del content[middle + (0 if harm == "cut at a member" else 10) :]
    archive.write_bytes(content)
    with pytest.raises(Problem, match=r"^src/controller\.tar\.gz: cannot be unpacked: damaged or cut off") as caught:
        unpack(archive)
    assert len(caught.value.message.splitlines()) == 1


@pytest.mark.parametrize("kind", ["w:", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_taken_however_it_is_compressed(tmp_path: Path, kind: Kind) -> None:
    assert names(unpack(pack(tmp_path, kind=kind))) == {"src", "src/main.go", "README"}


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("a/b", "x/b"),
        ("c", "x/y/d"),
        ("x/../../a", None),
        ("a/../..", None),
        ("./x//y", "x/y"),
    ],
)
def test_a_path_is_followed_as_the_kernel_follows_it(path: str, place: str | None) -> None:
    assert archives._place(path, {"a": "x", "c": "a/y/./d"}) == place
