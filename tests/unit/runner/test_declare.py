"""Actions and checks as doit runs them."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

import pytest
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain
from doit.exceptions import TaskFailed

from tasks import lack
from tasks.problems import Problem
from tasks.runner.declare import Current, Do, Same

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.lack import Lack


@pytest.fixture
def doit(tmp_path: Path) -> Callable[..., int]:
    def run(task: dict[str, Any], *words: str) -> int:
        namespace = {"task_t": lambda: dict(task), "DOIT_CONFIG": {"dep_file": str(tmp_path / "db"), "verbosity": 0}}
        return int(DoitMain(ModuleTaskLoader(namespace)).run(list(words)))

    return run


def test_arguments_and_the_tasks_own_parameters_reach_the_function(doit: Callable[..., int]) -> None:
    calls = []

    def action(*arguments: str, **options: object) -> None:
        calls.append((arguments, options))

    params = [{"name": "level", "long": "level", "type": int, "default": 1}]
    assert doit({"actions": [Do(action, "a", key="b")], "params": params}, "t", "--level", "3") == 0
    assert calls == [(("a",), {"key": "b", "level": 3})]


def test_a_problem_is_a_failure_of_the_task_and_a_bug_is_an_error(doit: Callable[..., int]) -> None:
    def problem() -> None:
        raise Problem("x")

    def bug() -> None:
        raise ZeroDivisionError

    assert doit({"actions": [Do(problem)]}, "t") == 1
    assert doit({"actions": [Do(bug)]}, "t") == 2


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ((errno.EACCES, "build/x"), "build/x: belongs to {owner}, not to 4000000"),
        ((errno.EROFS, "build/x"), "build/x: is on a read-only file system"),
        ((errno.ENOSPC, None), "no space is left on a disk"),
    ],
)
def test_a_place_that_cannot_be_written_is_a_failure_of_one_line(
    clone: Path, act_as: Callable[[int], None], refused: tuple[int, str | None], said: str
) -> None:
    (clone / "build").mkdir()
    (clone / "build" / "x").touch()
    act_as(4_000_000)

    def refuse() -> None:
        number, place = refused
        raise OSError(number, os.strerror(number), str(clone / place) if place else None)

    failed = Do(refuse)()
    assert isinstance(failed, TaskFailed)
    line, cure = str(failed.message).splitlines()
    assert line == said.format(owner=clone.owner())
    assert cure.startswith("Try: ")


def test_a_place_of_others_that_cannot_be_written_is_a_bug() -> None:
    def refuse() -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/etc/shadow")

    with pytest.raises(PermissionError):
        Do(refuse)()


def test_a_problem_is_told_in_full_without_traceback() -> None:
    def problem() -> None:
        raise Problem("x: wrong", hint="./doit y", details="a\nb\n")

    failure = Do(problem)()
    assert isinstance(failure, TaskFailed)
    assert failure.message == "x: wrong\na\nb\nTry: ./doit y"
    assert not failure.traceback


@pytest.mark.parametrize(("result", "kept"), [({"a": 1}, {"a": 1}), (None, None), (5, None), (["x"], None)])
def test_only_a_dict_becomes_the_tasks_values(result: object, kept: object) -> None:
    assert Do(lambda: result)() == kept


def test_a_task_whose_world_is_as_it_should_be_does_not_run(doit: Callable[..., int]) -> None:
    runs: list[int] = []
    task = {
        "actions": [Do(runs.append, 1)],
        "uptodate": [Current(lambda wanted: lack.unless(len(runs) == wanted, "runs"), 1)],
    }
    assert doit(task, "t") == 0
    assert doit(task, "t") == 0
    assert runs == [1]
    runs.clear()
    assert doit(task, "t") == 0
    assert runs == [1]


def test_a_world_that_is_right_already_needs_no_first_run(doit: Callable[..., int]) -> None:
    runs: list[int] = []
    assert doit({"actions": [Do(runs.append, 1)], "uptodate": [Current(lambda: lack.NOTHING)]}, "t") == 0
    assert runs == []


def test_a_check_that_cannot_be_made_is_not_up_to_date(doit: Callable[..., int]) -> None:
    def unreachable() -> Lack:
        raise ConnectionError

    runs: list[int] = []
    assert doit({"actions": [Do(runs.append, 1)], "uptodate": [Current(unreachable)]}, "t") == 0
    assert runs == [1]


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": "x"}, {"a": "y"}, ["a: x -> y"]),
        ({}, {"names": ["image:x", "image:y"]}, ["names: image:x, image:y"]),
        ({"names": ["x"]}, {"names": []}, ["names: x -> nothing"]),
        (
            {"lack": {"p1": ["no GPU"], "p2": ["no card"], "p3": ["no card"]}},
            {"lack": {"p1": ["no GPU"], "p2": ["no GPU", "no card"]}},
            ["lack p2: no card -> no GPU, no card", "lack p3: no card -> nothing"],
        ),
    ],
)
def test_what_changed_is_told_in_words(before: dict[str, Any], now: dict[str, Any], said: list[str]) -> None:
    assert list(Same(lambda: now).lack(before).reasons) == said
