"""Untrusted tar archives: all their members are checked before anything is written to disk.

The filters of `tarfile` are not used: early releases of Python 3.10 and 3.11 lack them, and later ones let links escape
through other links (CVE-2025-4138, CVE-2025-4330, CVE-2025-4517).
"""

from __future__ import annotations

import lzma
import os
import posixpath
import shutil
import tarfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files import modes
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What a file is, by its first bytes: the compressions of tar archives that Python reads, and files that are mistaken
# for such archives. https://www.iana.org/assignments/media-types, https://www.rfc-editor.org/rfc/rfc8878 for zstd.
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_OTHERS = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a rar archive",
    b"\x04\x22\x4d\x18": "compressed with lz4",
    b"<": "a page of HTML or XML",
    b"version https://git-lfs": "a pointer of Git LFS",
}
_TAR_MARK, _TAR_MARK_AT = b"ustar", 257
_HEAD = _TAR_MARK_AT + len(_TAR_MARK)
# Files in which macOS keeps metadata that other file systems cannot store.
_MAC_PREFIX, _MAC_FOLDER = "._", "__MACOSX"
# The most links that Linux follows on one path.
_MOST_LINKS = 40
# The latest time that every file system can store: in the year 2106.
_LATEST = 2**32 - 1
_CHUNK = 1 << 20
# What tarfile and the decompressors below it raise for content that is damaged.
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError)


@dataclass
class _Content:
    """The content of an archive, with paths relative to its top folder.

    Attributes:
        folders: The folders that it lists.
        files: The regular files and hard links.
        links: The target of each symbolic link.
        foreign: How many entries of macOS were skipped.
    """

    folders: set[str] = field(default_factory=set)
    files: dict[str, tarfile.TarInfo] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    foreign: int = 0


def fault(archive: Path) -> str:
    """Return what a file is instead of a tar archive, by its first bytes, or an empty string if it may be one.

    Args:
        archive: The file.

    Raises:
        OSError: It cannot be read.
    """
    with archive.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "empty"
    if head.startswith(_COMPRESSED) or head[_TAR_MARK_AT:] == _TAR_MARK:
        return ""
    return next(
        (kind for start, kind in _OTHERS.items() if head.lstrip().startswith(start)), "neither tar nor compressed"
    )


@dataclass(frozen=True)
class Archive:
    """An archive whose members all lie in one top folder.

    Attributes:
        file: The file: compressed with gzip, bzip2 or xz, or not compressed.
        top: Name of the top folder.
        shown: Its name in messages.
        hint: How to get the right archive.
    """

    file: Path
    top: str
    shown: str
    hint: str = ""


def unpack(archive: Archive, folder: Path) -> None:
    """Unpack an archive, with modes that let everybody read it.

    Files of macOS (`._name`, `__MACOSX`) are skipped and reported. Set-user-id bits are dropped.

    Args:
        archive: The archive.
        folder: An empty folder, in which the top folder is created.

    Raises:
        Problem: It is not a tar archive, is cut off, or holds what cannot be unpacked safely. Whatever is in the folder
            then is useless.
    """
    try:
        if wrong := fault(archive.file):
            raise _Refusal(f"cannot be unpacked: {wrong}; a tar.gz is needed")  # noqa: TRY301 - one of many
        # GNU tar, bsdtar and git write names in UTF-8; Python would otherwise use the locale's encoding.
        with tarfile.open(archive.file, encoding="utf-8") as tar:
            content = _judged(tar.getmembers(), archive.top)
            _refuse_cut_off(tar)
            progress.step(f"unpacking {len(content.files)} files of {archive.shown}")
            _write(tar, content, folder / archive.top)
    except _Refusal as error:
        raise Problem(f"{archive.shown}: {error}", hint=archive.hint) from None
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0].rstrip(":")
        said = f"{archive.shown}: cannot be unpacked: damaged or cut off: {reason}"
        raise Problem(said, hint=archive.hint) from error
    except OSError as error:
        said = f"{archive.shown}: cannot be unpacked: {error.strerror or error}"
        raise Problem(said, hint=archive.hint) from error
    if content.foreign:
        kinds = f"{_MAC_PREFIX}*, {_MAC_FOLDER}"
        progress.line(f"{archive.shown}: {content.foreign} entries of macOS ({kinds}) were passed over")


class _Refusal(Exception):  # noqa: N818 - becomes a Problem once the archive's name is known
    """What is wrong with an archive, as text that follows the archive's name."""


def _refuse_cut_off(tar: tarfile.TarFile) -> None:
    """Refuse an archive without an end mark: tarfile takes anything that cannot be a member for the end.

    Reading on to the end of the file makes the decompressor verify the checksum of the content.
    """
    stream = tar.fileobj
    if stream is None:
        raise _Refusal("cannot be unpacked: closed")
    stream.seek(tar.offset)
    end = stream.read(tarfile.BLOCKSIZE)
    if end != tarfile.NUL * tarfile.BLOCKSIZE:
        raise _Refusal("cannot be unpacked: damaged or cut off: no end of the archive")
    while stream.read(_CHUNK):
        pass


def _judged(members: list[tarfile.TarInfo], top: str) -> _Content:
    content = _Content()
    for member in members:
        parts = _parts(member.name)
        if any(part.startswith(_MAC_PREFIX) or part == _MAC_FOLDER for part in parts):
            content.foreign += 1
        elif parts:
            _take(member, _inside(parts, top), content)
    for path in content.files:
        content.files[path] = _original(path, content.files, top)
    _refuse_what_is_below_no_folder(content)
    for path in content.links:
        if _place(path, content.links) is None:
            raise _Refusal(f"{shown(path)} points outside the archive, at {shown(content.links[path])}")
    return content


def _parts(name: str) -> list[str]:
    """Return the parts of a member's name.

    Raises:
        _Refusal: The name cannot be handled everywhere, or leads out of the archive.
    """
    _refuse_unspeakable(name)
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts:
        raise _Refusal(f"{shown(name)} lies outside the archive")
    return parts


def _refuse_unspeakable(name: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        raise _Refusal(f"{shown(name)}: a name that is not UTF-8")
    if "\0" in name or "\n" in name:
        raise _Refusal(f"{shown(name)}: a name with a line end or a zero byte")


def _inside(parts: list[str], top: str) -> str:
    if parts[0] != top:
        raise _Refusal(f"the top folder is {shown(parts[0])}, not {top}")
    return "/".join(parts[1:])


def _take(member: tarfile.TarInfo, path: str, content: _Content) -> None:
    """Add a member; of two members with the same path, the later one counts, as in tar."""
    if member.isdev():
        raise _Refusal(f"{shown(member.name)} is a device or a pipe")
    if not path and not member.isdir():
        raise _Refusal(f"{shown(member.name)} is no folder")
    content.folders.discard(path)
    content.files.pop(path, None)
    content.links.pop(path, None)
    if member.isdir():
        content.folders.add(path)
    elif member.issym():
        _refuse_unspeakable(member.linkname)
        content.links[path] = member.linkname
    else:
        content.files[path] = member


def _original(path: str, files: dict[str, tarfile.TarInfo], top: str) -> tarfile.TarInfo:
    """Return the member that holds a file's content; for a hard link, that is another member.

    Raises:
        _Refusal: The hard link does not lead to a file of the archive.
    """
    member, followed = files[path], 0
    while member.islnk():
        followed += 1
        parts = _parts(member.linkname)
        target = files.get(_inside(parts, top)) if parts else None
        if target is None or followed > _MOST_LINKS:
            raise _Refusal(f"{top}/{shown(path)} is a hard link to {shown(member.linkname)}, no file of the archive")
        member = target
    return member


def _refuse_what_is_below_no_folder(content: _Content) -> None:
    for path in (*content.folders, *content.files, *content.links):
        for above in _above(path):
            if above in content.links or above in content.files:
                raise _Refusal(f"{shown(path)} lies below {shown(above)}, which is no folder")


def _above(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _place(path: str, links: dict[str, str]) -> str | None:
    """Resolve a path below the top folder as the kernel does; return None if it leaves that folder.

    Args:
        path: A path below the top folder.
        links: The target of each symbolic link below it; all other paths are files or folders, or do not exist.
    """
    ahead, behind, followed = path.split("/")[::-1], list[str](), 0
    while ahead:
        part = ahead.pop()
        if part == ".." and not behind:
            return None
        if part == "..":
            behind.pop()
        elif part not in {"", "."}:
            behind.append(part)
            said = links.get("/".join(behind))
            if said is not None:
                followed += 1
                if said.startswith("/") or followed > _MOST_LINKS:
                    return None
                behind.pop()
                ahead += said.split("/")[::-1]
    return "/".join(behind)


def leads_outside(path: str, links: dict[str, str]) -> bool:
    """Return whether a link leads out of its top folder, where the same path may be anything.

    Args:
        path: The link's path below the top folder.
        links: The target of each symbolic link below it.
    """
    return _place(path, links) is None


def _write(tar: tarfile.TarFile, content: _Content, root: Path) -> None:
    """Write folders and files, and the links last, so that nothing is written through a link."""
    root.mkdir(parents=True)
    for path in content.folders:
        (root / path).mkdir(parents=True, exist_ok=True)
    for path, member in content.files.items():
        _write_file(tar, member, root / path)
    for path, said in content.links.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(said)
    modes.normalise(root)


def _write_file(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source = tar.extractfile(member)
    if source is None:
        raise _Refusal(f"{shown(member.name)} is no file")
    with source, target.open("xb") as file:
        shutil.copyfileobj(source, file)
    target.chmod(modes.of_file(member.mode))
    moment = min(max(member.mtime, 0), _LATEST)
    os.utime(target, (moment, moment))


def shown(name: str) -> str:
    """Return a name for a one-line message; if parts of it are not printable, it is escaped."""
    return name if name.isprintable() else ascii(name)
