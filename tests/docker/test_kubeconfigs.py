"""kube.kubeconfigs against kind itself: it finds in advance what kind would only fail on at the end."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tasks.docker_engine import service
from tasks.engines.kube import kind, kubeconfigs
from tasks.engines.programs import shell
from tasks.problems import Problem
from tasks.settings import parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

# The kubeconfig names this cluster, but it does not exist: kind locks, reads and writes the file, and does no more.
NAME = "named-only"
ENTRY = f"clusters:\n- name: kind-{NAME}\n  cluster: {{server: https://127.0.0.1:1}}\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    service.ensure()
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    found = tmp_path / "ku be" / "config"
    monkeypatch.setenv("KUBECONFIG", str(found))
    found.parent.mkdir()
    found.write_text(ENTRY)
    return found


@contextmanager
def lock(file: Path) -> Iterator[None]:
    left = file.with_name("config.lock")
    left.touch(0)
    os.utime(left, (time.time() - 60,) * 2)
    yield


@contextmanager
def damage(file: Path) -> Iterator[None]:
    file.write_text(f"{ENTRY}users: [")
    yield


@contextmanager
def twice(file: Path) -> Iterator[None]:
    file.write_text(ENTRY + ENTRY)
    yield


@contextmanager
def immutable(file: Path) -> Iterator[None]:
    with attribute(file, "i"):
        yield


@contextmanager
def immutable_folder(file: Path) -> Iterator[None]:
    with attribute(file.parent, "i"):
        yield


@contextmanager
def append_only(file: Path) -> Iterator[None]:
    with attribute(file, "a"):
        yield


@contextmanager
def attribute(path: Path, letter: str) -> Iterator[None]:
    shell.run(["chattr", f"+{letter}", path])
    try:
        yield
    finally:
        shell.run(["chattr", f"-{letter}", path])


@contextmanager
def read_only_mount(file: Path) -> Iterator[None]:
    with mounted_on(file.parent):
        yield


@contextmanager
def read_only_file(file: Path) -> Iterator[None]:
    with mounted_on(file):
        yield


@contextmanager
def mounted_on(path: Path) -> Iterator[None]:
    shell.run(["mount", "--bind", path, path])
    try:
        shell.run(["mount", "-o", "remount,bind,ro", path])
        yield
    finally:
        shell.run(["umount", path])


# What damages a file, the message about it, and whether its cure is a command that can be run as it is.
SPOILT: dict[str, tuple[Callable[[Path], AbstractContextManager[None]], str, bool]] = {
    "lock": (lock, "left this lock 1 minutes ago", True),
    "damaged": (damage, "damaged: ", False),
    "a key twice": (twice, "damaged: .*clusters is there twice", False),
    "immutable": (immutable, r"protected from changes \(chattr \+i\)", True),
    "immutable folder": (immutable_folder, r"protected from changes \(chattr \+i\)", True),
    "append only": (append_only, r"protected from changes \(chattr \+a\)", True),
    "read-only folder": (read_only_mount, "mounted read-only", False),
    "read-only file": (read_only_file, "mounted read-only", False),
}


def stock_kind() -> int:
    """Return the exit code of unmodified kind when it removes the cluster from the file."""
    done = kind._run(parameters.current(), "delete", "cluster", "--name", NAME, check=False)
    return done.returncode


def run_cure(cure: str) -> None:
    shell.run(["bash", "-c", cure.replace("sudo ", "")])


@pytest.mark.parametrize("name", SPOILT)
def test_what_kind_would_stumble_over_is_found_before(file: Path, name: str) -> None:
    spoilt, words, is_command = SPOILT[name]
    with spoilt(file):
        content = file.read_bytes()
        assert stock_kind() != 0
        for check in (kubeconfigs.require_writable, lambda: kind.delete(NAME, parameters.current())):
            with pytest.raises(Problem, match=f"^kubeconfig: .*{words}") as caught:
                check()
            assert "\n" not in caught.value.message
        assert file.read_bytes() == content
        if is_command:
            run_cure(caught.value.hint)
            assert kubeconfigs.obstacle(file) is None
            kind.delete(NAME, parameters.current())
            assert NAME not in file.read_text()


def test_a_file_that_does_not_name_the_cluster_is_not_opened(file: Path) -> None:
    file.write_text("clusters: [")
    kind.delete(NAME, parameters.current())
    assert file.read_text() == "clusters: ["
