"""tasks.runner.rehearsal: what a plan makes in a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks import lack as lacks
from tasks.archive import facts
from tasks.archive import source as controller_source
from tasks.lack import Lack
from tasks.problems import Problem
from tasks.runner.rehearsal import Rehearsal
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path

LACKING = lacks.of("something changed")


def refuse() -> None:
    raise Problem("line one\nline two")


def test_what_lacks_nothing_is_not_made(checkout: Path) -> None:
    with Rehearsal() as rehearsal:
        assert rehearsal.examined(lambda: lacks.NOTHING, refuse)() == lacks.NOTHING
        assert paths.source() == checkout / "build" / "controller"


def test_what_lacks_something_is_made_elsewhere_and_removed_at_the_end(tree: Path) -> None:
    with Rehearsal() as rehearsal:
        absent = lacks.absent(facts.shown(paths.CONTROLLER))
        assert rehearsal.examined(controller_source.lack, controller_source.prepare)() == absent
        made = paths.source()
        assert not made.is_relative_to(tree)
        assert controller_source.lack() == lacks.NOTHING
        assert facts.shown(made / "src") == facts.shown(paths.CONTROLLER / "src")
        assert not paths.CONTROLLER.exists()
    assert not made.exists()
    assert paths.source() == paths.CONTROLLER


def test_what_cannot_be_made_stops_a_run_too(checkout: Path) -> None:
    with Rehearsal() as rehearsal:
        found = rehearsal.examined(lambda: LACKING, refuse)()
    assert found == Lack(LACKING.reasons, ("line one", "line two"))
    assert paths.source() == checkout / "build" / "controller"


@pytest.mark.parametrize("stops", [True, False])
def test_what_a_check_cannot_see_or_refuses_is_not_made(checkout: Path, *, stops: bool) -> None:
    def check() -> Lack:
        if stops:
            return lacks.obstacle("no")
        raise Problem("not seen")

    with Rehearsal() as rehearsal:
        again = rehearsal.examined(check, refuse)
        assert paths.source() == checkout / "build" / "controller"
        if stops:
            assert again() == lacks.obstacle("no")
        else:
            with pytest.raises(Problem, match="not seen"):
                again()
