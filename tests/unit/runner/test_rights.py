"""tasks.runner.rights: what root is needed for is granted before a run, or the run does not start."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from doit.task import Task

from tasks import lack as lacks
from tasks.engines.programs import root
from tasks.problems import Problem
from tasks.runner import rights
from tasks.runner.declare import Current, Root, Same
from tasks.runner.meta import ROOT
from tests.unit.programs import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tasks.lack import Lack
    from tests.unit.programs import Programs

REFUSES = Answer(err="sudo: a password is required\n", code=1)


def lacking() -> Lack:
    return lacks.of("not lent")


def unknown() -> Lack:
    raise Problem("no engine answers")


CARD = Root("the card", Current(lacking))
HOME = Root("the card", Current(lambda: lacks.NOTHING))
UNKNOWN = Root("the GPU", Current(unknown))
ALONE = Root("the card", Current(lacking), lambda: True)


def tasks(*made: Task) -> dict[str, Task]:
    return {task.name: task for task in made}


def lends(name: str, **more: Any) -> Task:
    return Task(name, None, meta={ROOT: (Root(name, Current(lacking)),)}, **more)


def chosen() -> dict[str, Any]:
    return {"task_dep": ["chosen"]}


def impossible() -> dict[str, Any]:
    raise Problem("the archive is not there")


@pytest.mark.parametrize(("choice", "more"), [(chosen, ["chosen"]), (impossible, [])])
def test_all_that_the_chosen_tasks_need_is_looked_at(choice: Callable[[], dict[str, Any]], more: list[str]) -> None:
    graph = tasks(
        Task("all", None, task_dep=["step"], calc_dep=["_choice"]),
        Task("step", None, task_dep=["card"], setup=["setup"]),
        Task("_choice", None, uptodate=[Same(choice)]),
        *(lends(name) for name in ("card", "setup", "chosen", "other")),
    )
    assert sorted(right.purpose for right in rights.of(graph, ["all"])) == sorted(["card", "setup", *more])


def test_root_needs_nothing(programs: Programs, act_as: Callable[[int], None]) -> None:
    programs.put("sudo", REFUSES)
    act_as(0)
    rights.secure([CARD])()
    assert programs.calls == []


@pytest.mark.parametrize("right", [CARD, UNKNOWN])
def test_without_a_terminal_a_refusal_is_one_line_with_what_needs_it(
    programs: Programs, act_as: Callable[[int], None], right: Root
) -> None:
    programs.put("sudo", REFUSES)
    act_as(1000)
    with pytest.raises(Problem, match=f"root is needed for {right.purpose}, and sudo does not grant it") as caught:
        rights.secure([right, HOME, right])
    assert caught.value.hint == "sudo -v, then the same command"
    assert programs.calls == [["sudo", "-n", "true"]]


@pytest.mark.parametrize("right", [HOME, ALONE], ids=["up to date", "allowed alone"])
def test_what_needs_no_ticket_asks_for_none(programs: Programs, act_as: Callable[[int], None], right: Root) -> None:
    programs.put("sudo", REFUSES)
    act_as(1000)
    rights.secure([right])()
    assert programs.calls == [["sudo", "-n", "true"]]


def test_a_ticket_is_kept_until_the_end(programs: Programs, act_as: Callable[[int], None]) -> None:
    programs.put("sudo")
    act_as(1000)
    end = rights.secure([CARD])
    assert root.KEEPER in {thread.name for thread in threading.enumerate()}
    end()
    assert root.KEEPER not in {thread.name for thread in threading.enumerate()}
