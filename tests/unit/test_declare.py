"""Actions and checks as doit runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from tasks.declare import Current, Do
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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


def test_a_problem_is_told_in_full_without_traceback() -> None:
    def problem() -> None:
        raise Problem("x: wrong", hint="./doit y", details="a\nb\n")

    failure = Do(problem)()
    assert failure.message == "x: wrong\na\nb\nTry: ./doit y"
    assert not failure.traceback


@pytest.mark.parametrize(("result", "kept"), [({"a": 1}, {"a": 1}), (None, None), (5, None), (["x"], None)])
def test_only_a_dict_becomes_the_tasks_values(result: object, kept: object) -> None:
    assert Do(lambda: result)() == kept


def test_a_task_whose_world_is_as_it_should_be_does_not_run(doit: Callable[..., int]) -> None:
    runs = []
    task = {"actions": [Do(runs.append, 1)], "uptodate": [Current(lambda wanted: len(runs) == wanted, 1)]}
    assert doit(task, "t") == 0
    assert doit(task, "t") == 0
    assert runs == [1]
    runs.clear()
    assert doit(task, "t") == 0
    assert runs == [1]


def test_a_world_that_is_right_already_needs_no_first_run(doit: Callable[..., int]) -> None:
    runs: list[int] = []
    assert doit({"actions": [Do(runs.append, 1)], "uptodate": [Current(lambda: True)]}, "t") == 0
    assert runs == []


def test_a_check_that_cannot_be_made_is_not_up_to_date(doit: Callable[..., int]) -> None:
    def unreachable() -> bool:
        raise ConnectionError

    runs: list[int] = []
    assert doit({"actions": [Do(runs.append, 1)], "uptodate": [Current(unreachable)]}, "t") == 0
    assert runs == [1]
