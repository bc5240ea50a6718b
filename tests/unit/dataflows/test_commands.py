"""tasks.dataflows.commands: exit code and output of a command in a function's pod are what is expected, or it fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tasks.dataflows import commands
from tasks.dataflows.findings import Findings
from tasks.engines.kube.pod_exec import Ending
from tasks.problems import Problem
from tests.unit.dataflows.functions import Functions, own

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Lines

ASKED = "{command: [{function: square, run: [/check, 'a b'], output: 'squared \\d', exit: 3}]}"
RAN = "df-mine: square: \"/check 'a b'\""


def verify(*endings: Ending, asked: str = ASKED) -> Functions:
    functions = Functions(own(asked), endings=[*endings])
    flow = functions.flow()
    commands.verify(flow, functions.pods, Findings(flow))
    return functions


def checks(checkout: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((checkout / "work/RESULT/mine/checks.json").read_text())["checks"]
    return found


def test_a_command_that_ends_as_expected_is_said_and_kept(checkout: Path, said: Lines) -> None:
    functions = verify(Ending(3, "before\nhas squared 3 now\nafter"))
    kept = checkout / "work/RESULT/mine/checks.json"
    assert said.kept == [f"{RAN} ended with exit code 3 and printed 'has squared 3 now'; no stand-ins; kept in {kept}"]
    assert functions.asked == [("df-mine-wbfunction-square-cpu-pod", "cpu-container0")]
    assert checks(checkout) == [
        {
            "check": "command",
            "function": "square",
            "run": ["/check", "a b"],
            "expected": {"exit": 3, "output": "squared \\d"},
            "seconds": 30.0,
            "ok": True,
            "exit": 3,
            "printed": "before\nhas squared 3 now\nafter",
        }
    ]


@pytest.mark.usefixtures("checkout")
def test_where_output_does_not_matter_the_exit_code_does(said: Lines) -> None:
    verify(Ending(0, ""), asked="{command: [{function: rcv, run: [/check]}]}")
    assert said.kept[0].startswith("df-mine: rcv: '/check' ended with exit code 0; ")


@pytest.mark.parametrize(
    ("ending", "says"),
    [
        (Ending(4, "squared 3"), "ended with exit code 4, expected 3"),
        (Ending(3, "cubed 3"), r"ended with exit code 3, but printed nothing like 'squared \\d'"),
    ],
)
def test_a_command_that_ends_otherwise_fails_with_what_came(checkout: Path, ending: Ending, says: str) -> None:
    with pytest.raises(Problem) as caught:
        verify(ending)
    assert caught.value.message == f"{RAN} {says}"
    assert caught.value.details == f"  square | {ending.output}"
    pod = "df-mine-wbfunction-square-cpu-pod -c cpu-container0"
    assert caught.value.hint == f"./doit kubectl exec -n mine {pod} -- /check 'a b'"
    assert [(each["exit"], each["ok"]) for each in checks(checkout)] == [(ending.code, False)]


def test_a_command_that_does_not_end_names_the_function(checkout: Path) -> None:
    with pytest.raises(Problem, match=r"^df-mine: square: /check in pod \S+: did not end within 30 s") as caught:
        verify()
    assert caught.value.details == "  square | so far"
    assert [(each["ok"], each["printed"]) for each in checks(checkout)] == [(False, "so far")]


def test_those_after_a_failed_one_are_not_run(checkout: Path) -> None:
    two = "{command: [{function: send, run: [/a]}, {function: rcv, run: [/b]}]}"
    with pytest.raises(Problem, match="send: '/a' ended with exit code 1, expected 0"):
        verify(Ending(1, ""), Ending(0, ""), asked=two)
    assert [each["function"] for each in checks(checkout)] == ["send"]
