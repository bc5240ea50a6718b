"""tasks.cluster.creation and removal: a kubeconfig that cannot be written stops a run before it touches anything."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tasks.cluster.creation import Creation
from tasks.cluster.removal import Removal
from tasks.engines.kube import kind as kind_program
from tasks.problems import Problem
from tasks.settings import parameters
from tests.unit.cluster.fakes import FakeEmbedded, lay_cluster, never_take

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.cluster.fakes import FakeKind

LEFT = r"^kubeconfig: .*/config\.lock: a killed kind or kubectl left this lock"


@pytest.fixture
def locked(build: Path, kind: FakeKind) -> FakeKind:
    """The kind of cluster a, which is whole except for a stopped worker; a killed kind left the kubeconfig locked."""
    lay_cluster(kind.engine, parameters.current())
    kind.engine.containers["a-worker"].state = "exited"
    kind.engine.requests.clear()
    leave_lock(build.parent / "config")
    return kind


def leave_lock(file: Path) -> None:
    lock = file.with_name(f"{file.name}.lock")
    lock.touch(0)
    os.utime(lock, (0, 0))


def create(kind: FakeKind) -> None:
    Creation(parameters.current(), kind, (never_take,), answers=lambda _: True).create()


def create_where_nothing_is(kind: FakeKind) -> None:
    kind.engine.containers.clear()
    create(kind)


def create_where_half_is(kind: FakeKind) -> None:
    kind.engine.containers["a-control-plane"].files.clear()
    create(kind)


def removal(kind: FakeKind) -> Removal:
    return Removal(parameters.current(), kind, (never_take,), FakeEmbedded(never=True), pytest.fail)


def delete(kind: FakeKind) -> None:
    removal(kind).delete()


def clean(kind: FakeKind) -> None:
    removal(kind).clean()


def delete_by_kind_itself(_: FakeKind) -> None:
    kind_program.delete("a", parameters.current())


@pytest.mark.parametrize("act", [create_where_nothing_is, create_where_half_is, delete, clean, delete_by_kind_itself])
def test_nothing_is_touched_where_the_kubeconfig_is_locked_for_good(
    locked: FakeKind, build: Path, act: Callable[[FakeKind], None]
) -> None:
    before = {file: file.read_bytes() for file in build.parent.rglob("*") if file.is_file()}
    with pytest.raises(Problem, match=LEFT):
        act(locked)
    assert (locked.done, locked.engine.requests) == ([], [])
    assert {file: file.read_bytes() for file in build.parent.rglob("*") if file.is_file()} == before


def test_a_cluster_that_is_kept_needs_no_kubeconfig_that_can_be_written(locked: FakeKind) -> None:
    create(locked)
    assert (locked.done, locked.engine.requests) == ([], ["POST /containers/a-worker/start"])


def test_a_cluster_whose_access_is_to_be_written_does(locked: FakeKind, build: Path) -> None:
    (build.parent / "config").unlink()
    with pytest.raises(Problem, match=LEFT):
        create(locked)
    assert (locked.done, locked.engine.requests) == ([], [])


@pytest.mark.parametrize("name", ["first", "config"])
def test_a_cluster_that_is_started_over_needs_the_kubeconfigs_that_its_access_goes_to_and_is_in(
    locked: FakeKind, build: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    first, second = build.parent / "first", build.parent / "config"
    first.touch()
    second.with_name("config.lock").unlink()
    leave_lock(build.parent / name)
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}")
    with pytest.raises(Problem, match=rf"/{name}\.lock: a killed kind or kubectl left this lock"):
        create_where_half_is(locked)
    assert (locked.done, locked.engine.requests) == ([], [])
