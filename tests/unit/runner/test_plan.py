"""tasks.runner.plan: what follows for a task from its own check, and from the tasks before it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.problems import Problem
from tasks.runner.meta import EVERY, NOTHING, REMAKES_ALL
from tasks.runner.plan import CURRENT, RUN, STOP, UNKNOWN, Known, Step, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tasks.lack import Lack

IN_PLACE, ANEW = lacks.of("changed"), lacks.remade("made anew")


def unseen() -> Lack:
    raise Problem("no engine answers")


def states(
    cause: Lack, then: Callable[[], Lack], means: Mapping[str, str] | None = None, *, is_seen: bool = False
) -> tuple[str, str]:
    """Return the states of a task and of one that depends on it."""
    steps = [
        Step("cause", (), acts=True, always=False, examine=lambda: cause, means=means or {}, is_seen=is_seen),
        Step("then", ("cause",), acts=True, always=False, examine=then),
    ]
    first, second = plan(steps, Known({}, {}))
    return first.state, second.state


@pytest.mark.parametrize(
    ("cause", "means", "is_seen", "state"),
    [
        (IN_PLACE, {}, False, UNKNOWN),
        (IN_PLACE, {}, True, CURRENT),
        (IN_PLACE, REMAKES_ALL, False, UNKNOWN),
        (IN_PLACE, REMAKES_ALL, True, CURRENT),
        (ANEW, REMAKES_ALL, True, RUN),
        (ANEW, {EVERY: NOTHING}, False, CURRENT),
        (lacks.NOTHING, REMAKES_ALL, False, CURRENT),
    ],
)
def test_what_follows_for_a_task_that_lacks_nothing_itself(
    cause: Lack, means: Mapping[str, str], state: str, *, is_seen: bool
) -> None:
    assert states(cause, lambda: lacks.NOTHING, means, is_seen=is_seen)[1] == state


@pytest.mark.parametrize("cause", [IN_PLACE, ANEW])
def test_a_task_that_the_parameters_ask_nothing_of_follows_no_other(cause: Lack) -> None:
    assert states(cause, lambda: lacks.SETTLED, REMAKES_ALL) == (RUN, CURRENT)


@pytest.mark.parametrize(
    ("cause", "is_seen", "state"), [(lacks.NOTHING, False, RUN), (IN_PLACE, True, UNKNOWN), (ANEW, True, RUN)]
)
def test_a_check_that_cannot_be_made_is_a_run_unless_a_task_before_it_changes_that(
    cause: Lack, state: str, *, is_seen: bool
) -> None:
    assert states(cause, unseen, REMAKES_ALL, is_seen=is_seen)[1] == state


@pytest.mark.parametrize(
    ("cause", "means", "state"),
    [
        (lacks.NOTHING, {}, RUN),
        (IN_PLACE, {}, UNKNOWN),
        (IN_PLACE, {EVERY: NOTHING}, UNKNOWN),
        (ANEW, REMAKES_ALL, RUN),
    ],
)
def test_what_is_not_ready_yet_may_be_when_the_tasks_before_have_run(
    cause: Lack, means: Mapping[str, str], state: str
) -> None:
    passing = lacks.Lack(("a workload: not ready",), is_passing=True)
    assert states(cause, lambda: passing, means)[1] == state
    assert states(cause, lambda: passing + lacks.NOTHING, means)[1] == state
    assert states(cause, lambda: passing + IN_PLACE, means)[1] == RUN


def test_a_task_that_is_up_to_date_between_them_does_not_hide_what_comes_before() -> None:
    passing = lacks.Lack(("a workload: not ready",), is_passing=True)
    checks = {"cause": IN_PLACE, "between": lacks.NOTHING, "then": passing}
    names = list(checks)
    steps = [
        Step(
            name,
            tuple(names[:at][-1:]),
            acts=True,
            always=False,
            examine=partial(checks.__getitem__, name),
            is_seen=True,
        )
        for at, name in enumerate(names)
    ]
    assert [one.state for one in plan(steps, Known({}, {}))] == [RUN, CURRENT, UNKNOWN]


@pytest.mark.parametrize(
    ("cause", "unsettles", "state"),
    [(IN_PLACE, True, UNKNOWN), (IN_PLACE, False, CURRENT), (lacks.NOTHING, True, CURRENT)],
)
def test_workloads_may_not_be_ready_after_what_unsettles_them(cause: Lack, state: str, *, unsettles: bool) -> None:
    running = lacks.Lack(is_running=True) + lacks.NOTHING
    first = Step("cause", (), acts=True, always=False, examine=lambda: cause, is_seen=True, unsettles=unsettles)
    between = Step("between", ("cause",), acts=True, always=False, examine=lambda: lacks.NOTHING, is_seen=True)
    steps = [first, between, Step("running", ("between",), acts=True, always=False, examine=lambda: running)]
    found = {one.name: one for one in plan(steps, Known({}, {}))}
    assert found["between"].state == CURRENT
    assert found["running"].state == state
    assert found["running"].after == (("cause",) if state == UNKNOWN else ())


def test_what_a_task_lacks_itself_counts_whatever_comes_before_it() -> None:
    assert states(ANEW, lambda: lacks.obstacle("no"), REMAKES_ALL)[1] == STOP
    assert states(IN_PLACE, lambda: IN_PLACE)[1] == RUN
