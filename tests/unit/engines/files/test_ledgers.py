"""Ledgers belong to the machine: readable by all, changed by one run at a time, each of one checkout."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from typing import TYPE_CHECKING

import pytest

from tasks.engines.files import ledgers
from tasks.engines.programs import root
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def strict_umask(act_as: Callable[[int], None]) -> Iterator[None]:
    """A user who keeps all files private, and who needs no sudo for root's programs."""
    act_as(0)
    earlier = os.umask(0o077)
    yield
    os.umask(earlier)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("strict_umask")
def test_what_root_writes_is_readable_whatever_the_umask_is(tmp_path: Path) -> None:
    file = tmp_path / "state" / "gpu" / "kind.json"
    root.write(file, "{}")
    assert (mode(file), mode(file.parent), mode(file.parent.parent)) == (0o644, 0o755, 0o755)


@pytest.mark.usefixtures("strict_umask")
def test_a_folder_of_others_keeps_its_permissions(tmp_path: Path) -> None:
    theirs = tmp_path / "certs.d"
    theirs.mkdir(mode=0o750)
    theirs.chmod(0o750)
    root.write(theirs / "ca.crt", "x")
    assert mode(theirs) == 0o750


@pytest.mark.usefixtures("strict_umask")
def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match=r"file/kind\.json: cannot be written: mkdir: ") as caught:
        root.write(tmp_path / "file" / "kind.json", "{}")
    assert "\n" not in caught.value.message


@pytest.mark.usefixtures("strict_umask")
def test_the_lock_is_of_the_machine_and_mends_folders_of_an_earlier_version(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "gpu"
    folder.mkdir(parents=True, mode=0o700)
    with ledgers.alone(folder):
        lock = folder / ".run.lock"
        assert (mode(lock), mode(folder), mode(folder.parent)) == (0o644, 0o755, 0o755)
        descriptor = os.open(lock, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


@pytest.mark.usefixtures("powerless")
def test_a_ledger_that_this_user_may_not_read_is_one_line_with_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "gpu" / "kind.json"
    file.parent.mkdir()
    file.touch()
    file.parent.chmod(0)
    assert ledgers.exists(file), "what cannot be seen is not taken for absent"
    with pytest.raises(Problem, match=r"kind\.json: this user may not read what is lent") as caught:
        ledgers.read(file, 1, dict, hint="")
    assert caught.value.hint == f"sudo chmod a+rX {tmp_path}; sudo chmod -R a+rX {file.parent}"
    with pytest.raises(Problem, match="gpu: this user may not read what is lent"):
        ledgers.clusters(file.parent)


def test_clusters_are_told_by_their_files(tmp_path: Path) -> None:
    assert ledgers.clusters(tmp_path / "none") == []
    for name in ("b.json", "a.json", ".run.lock", ".a.json.7"):
        (tmp_path / name).write_text(json.dumps({}))
    assert ledgers.clusters(tmp_path) == ["a", "b"]


@pytest.mark.usefixtures("powerless")
def test_a_ledger_is_foreign_while_the_other_checkout_is_there(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert not ledgers.is_foreign(str(other)), "nobody could give it back there"
    (other / "dodo.py").touch()
    assert ledgers.is_foreign(str(other))
    assert not ledgers.is_foreign("")
    assert not ledgers.is_foreign(str(paths.ROOT))
    home = tmp_path / "alice"
    home.mkdir(mode=0)
    assert ledgers.is_foreign(str(home / "checkout")), "in a home that this user may not enter"
