"""tasks.archive.folder and origin: a checkout of the controller, which is only read, and the copy that follows it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.archive import origin, source
from tasks.engines.files import contents
from tasks.problems import Problem
from tasks.settings import controller, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines

FILE = "src/sample_operator/wbfunction.py"
DRIVERS = controller.DRIVERS_SOURCE


@pytest.fixture
def folder(tree: Path, choose: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the controller that CONTROLLER names: a copy of the sample elsewhere."""
    made = tmp_path_factory.mktemp("elsewhere") / "my controller"
    shutil.copytree(tree / "src/sample-controller", made, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    choose(CONTROLLER=str(made))
    return made


def copied() -> dict[str, os.stat_result]:
    return _statuses(paths.CONTROLLER)


def _statuses(root: Path) -> dict[str, os.stat_result]:
    return {path.relative_to(root).as_posix(): path.lstat() for path in root.rglob("*") if not path.is_dir()}


def noted(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return a list that gets the files that are read from now on."""
    read: list[Path] = []
    of = contents.of

    def note(path: Path) -> str:
        read.append(path)
        return of(path)

    monkeypatch.setattr(contents, "of", note)
    return read


def refused() -> Problem:
    with pytest.raises(Problem) as caught:
        source.prepare()
    assert len(caught.value.message.splitlines()) == 1
    return caught.value


def test_a_folder_is_taken_as_it_is_and_named(folder: Path, said: Lines) -> None:
    assert source.lack()
    source.prepare()
    assert not source.lack()
    assert set(copied()) == set(_statuses(folder))
    assert said.kept[-1] == f"controller 1.1.0 from {folder}"


def test_only_what_changed_is_copied(folder: Path) -> None:
    source.prepare()
    before = copied()
    (folder / FILE).write_text("# other\n")
    (folder / "src/added/deep").mkdir(parents=True)
    (folder / "src/added/deep/x.go").write_text("package x\n")
    (folder / "README.md").unlink()
    assert source.lack().reasons == (f"{folder}/README.md, {folder}/src/added/deep/x.go, {folder}/{FILE}: changed",)
    source.prepare()
    after = copied()
    assert set(before) - set(after) == {"README.md"}
    assert set(after) - set(before) == {"src/added/deep/x.go"}
    rewritten = {path for path in after.keys() & before.keys() if after[path].st_ino != before[path].st_ino}
    assert rewritten == {FILE}
    assert all(after[path].st_mtime_ns == before[path].st_mtime_ns for path in after.keys() & before.keys() - {FILE})


def test_a_file_becomes_a_folder_and_a_folder_a_file(folder: Path) -> None:
    (folder / "one").mkdir()
    (folder / "one/inner").write_text("x")
    (folder / "two").write_text("x")
    source.prepare()
    shutil.rmtree(folder / "one")
    (folder / "one").write_text("x")
    (folder / "two").unlink()
    (folder / "two").mkdir()
    (folder / "two/inner").write_text("x")
    source.prepare()
    assert (paths.CONTROLLER / "one").is_file()
    assert (paths.CONTROLLER / "two/inner").is_file()
    assert not source.lack()


def test_a_change_of_the_same_size_and_time_is_seen(folder: Path) -> None:
    file = folder / FILE
    source.prepare()
    before, text = file.stat(), file.read_bytes()
    file.write_bytes(text.swapcase())
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert source.lack()
    source.prepare()
    assert (paths.CONTROLLER / FILE).read_bytes() == text.swapcase()


def test_files_that_did_not_change_are_not_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "_SETTLED", -(10**12))
    source.prepare()
    read = noted(monkeypatch)
    source.lack()
    assert read == []
    (folder / FILE).touch()
    source.lack()
    assert set(read) == {folder / FILE}


def test_a_file_written_the_moment_before_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source.prepare()
    read = noted(monkeypatch)
    source.lack()
    assert folder / FILE in read


def test_nothing_is_written_to_the_folder_which_may_belong_to_somebody_else(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, 54321, 54321, follow_symlinks=False)
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)

    def seen() -> list[tuple[str, int, int, int]]:
        found = [(str(path), path.lstat()) for path in [folder, *folder.rglob("*")]]
        return [(path, status.st_mtime_ns, status.st_ctime_ns, status.st_uid) for path, status in found]

    before = seen()
    source.prepare()
    source.lack()
    shutil.rmtree(paths.CONTROLLER)
    source.prepare()
    assert seen() == before
    assert {status.st_uid for status in copied().values()} == {os.geteuid()}


@pytest.mark.parametrize(
    "name", [".git", "src/WBFunction/bin", ".vscode", f"{DRIVERS}/.git", ".DS_Store", "src/WBFunction/.x.go.swp"]
)
def test_what_is_no_source_is_left_out(folder: Path, name: str) -> None:
    """Git's own (a file in a linked worktree and in a submodule), build leftovers, and files of editors."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("gitdir: /elsewhere")
    (folder / ".#lock").symlink_to("me@machine.1")
    source.prepare()
    assert not (paths.CONTROLLER / name).exists()
    assert not os.path.lexists(paths.CONTROLLER / ".#lock")
    (folder / name).write_text("other")
    assert not source.lack()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd"])
def test_a_link_that_leads_out_is_one_line_and_what_was_there_stays(folder: Path, target: str) -> None:
    source.prepare()
    before = copied()
    (folder / "src/link.go").symlink_to(target)
    assert refused().message == f"{folder}/src/link.go: a link that leads out of the folder, to {target}"
    assert copied() == before


def test_a_pipe_is_one_line(folder: Path) -> None:
    os.mkfifo(folder / "src/pipe")
    assert refused().message == f"{folder}/src/pipe: a device, pipe or socket"


def test_a_name_that_is_not_utf_8_is_one_line(folder: Path) -> None:
    (folder / "b\udce9").write_text("x")
    assert "a name that is not printable" in refused().message


def test_what_is_no_controller_is_one_line(folder: Path, choose: Callable[..., None]) -> None:
    (folder.parent / "empty").mkdir()
    choose(CONTROLLER=f"{folder.parent}/empty")
    assert refused().message.startswith(
        f"CONTROLLER: {folder.parent}/empty: no source of the controller, which has src/"
    )
    choose(CONTROLLER=f"{folder}/src")
    assert refused().hint == f"CONTROLLER={folder}"
    choose(CONTROLLER=f"{folder}/README.md")
    assert refused().message == f"CONTROLLER: {folder}/README.md: a file, where a folder is needed"
    choose(CONTROLLER=f"{folder}/nowhere")
    assert refused().message == f"CONTROLLER: {folder}/nowhere: not there"


def test_a_part_that_is_missing_is_named_with_its_path(folder: Path) -> None:
    (folder / controller.JSON / "functionkindmap.json").unlink()
    assert refused().message == f"{folder}/{controller.JSON}/functionkindmap.json is missing"


def test_folders_of_this_tool_are_refused(
    folder: Path, choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    source.prepare()
    choose(CONTROLLER=str(paths.CONTROLLER))
    assert "belongs to this tool" in refused().message
    choose(CONTROLLER=str(folder))
    monkeypatch.setattr(paths, "ROOT", folder / "all-in-one")
    assert "holds this checkout" in refused().message


def test_a_submodule_that_is_not_checked_out_is_one_line_with_the_command(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / DRIVERS).mkdir(parents=True)
    dockerfile = folder / "src/EthernetConnection/Dockerfile"
    dockerfile.write_text(f"{dockerfile.read_text()}\nCOPY EthernetConnection/{controller.DRIVERS}/ x/\n")
    problem = refused()
    assert problem.message == f"{folder}/{DRIVERS}/lib is missing"
    assert problem.hint == f"git -C '{folder}' submodule update --init {DRIVERS}"


def test_from_an_archive_to_a_folder_and_back(folder: Path, choose: Callable[..., None]) -> None:
    source.prepare()
    before = copied()
    choose(CONTROLLER="sample")
    assert source.lack()
    source.prepare()
    assert copied() == before
    assert not source.lack()


def test_the_sample_is_known_wherever_it_is(folder: Path) -> None:
    assert origin.is_sample(parameters.current())
    shutil.rmtree(folder / "src/sample_operator")
    assert not origin.is_sample(parameters.current())
