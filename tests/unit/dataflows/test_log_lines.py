"""tasks.dataflows.log_lines: a line that a function has logged or still logs is shown, one that never comes is not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tasks.dataflows import log_lines
from tasks.dataflows.findings import Findings
from tasks.problems import Problem
from tests.unit.dataflows.functions import Functions, own

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Lines

LOG = "listening\nsquared\t3\nsquared 4\n"


def verify(functions: Functions) -> None:
    flow = replace(functions.flow(), stood_in=("sample controller",))
    log_lines.verify(flow, functions.pods, Findings(flow))


def checks(checkout: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((checkout / "work/RESULT/mine/checks.json").read_text())["checks"]
    return found


def test_the_line_that_was_found_is_shown_and_kept(checkout: Path, said: Lines) -> None:
    functions = Functions(own(r"{log: [{function: square, line: 'squared\s+\d'}]}"), log=LOG)
    verify(functions)
    kept = checkout / "work/RESULT/mine/checks.json"
    assert said.kept == [f"df-mine: square logged 'squared 4'; stand-ins: sample controller; kept in {kept}"]
    assert functions.asked == [("df-mine-wbfunction-square-cpu-pod", "cpu-container0")]
    record = json.loads(kept.read_text())
    assert (record["dataflow"], record["stand_ins"]) == ("df-mine", ["sample controller"])
    assert record["checks"] == [
        {
            "check": "log",
            "function": "square",
            "line": r"squared\s+\d",
            "seconds": 60.0,
            "ok": True,
            "found": "squared 4",
        }
    ]


class Slow(Functions):
    """Functions that log what is looked for when they are looked at for the third time."""

    def logs(self, where: Any, **_: Any) -> str:
        super().logs(where)
        return LOG if len(self.asked) > 2 else "listening\n"


@pytest.mark.usefixtures("checkout")
def test_a_line_that_is_not_there_yet_is_waited_for(said: Lines) -> None:
    verify(Slow(own("{log: [{function: rcv, line: squared, seconds: 30}]}")))
    assert said.kept[0].startswith("df-mine: rcv logged 'squared 4'; ")


def test_a_line_that_does_not_come_names_the_function_and_what_it_logged(checkout: Path, said: Lines) -> None:
    asked = "{log: [{function: send, line: listening}, {function: square, line: '^cubed', seconds: 0.2}]}"
    with pytest.raises(Problem) as caught:
        verify(Functions(own(asked), log=LOG))
    assert caught.value.message == "df-mine: square: logged no line like '^cubed' within 0 s"
    assert caught.value.details.splitlines()[-1] == "  square | squared 4"
    assert caught.value.hint == "./doit kubectl logs -n mine df-mine-wbfunction-square-cpu-pod -c cpu-container0"
    assert len(said.kept) == 1
    assert [(each["function"], each["ok"]) for each in checks(checkout)] == [("send", True), ("square", False)]


@pytest.mark.usefixtures("checkout")
def test_a_function_that_logs_nothing_is_said_to() -> None:
    with pytest.raises(Problem, match="logged no line") as caught:
        verify(Functions(own("{log: [{function: square, line: x, seconds: 0.1}]}")))
    assert caught.value.details == "  square printed nothing"
