"""tasks.dataflows.verification: all that a pattern names is verified, in order, and nothing with VERIFY=no."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tasks.dataflows import verification
from tasks.engines.kube import manifests
from tasks.engines.kube.pod_exec import Ending
from tasks.problems import Problem
from tests.unit.conftest import lab
from tests.unit.dataflows.functions import Functions, own
from tests.unit.dataflows.test_values import Chain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.unit.conftest import Lines
    from tests.unit.kube_api import KubeApi

VALUES = "values: {{client: /client, inputs: [3, 4], expected: {{square: {square}}}, tolerance: 0.5}}"
CHECKS = "log: [{function: rcv, line: start}], command: [{function: square, run: [/check], exit: 3}]"


class Squaring(Functions):
    """A chain whose second function is no calcapp: it answers with 25 to whatever is sent.

    Attributes:
        sent: The commands that the client was run with.
    """

    def __init__(self, verify: str) -> None:
        super().__init__(own(verify), endings=[Ending(3, "ok")])
        self.sent: list[Sequence[str]] = []
        self.answer = self.reply

    def reply(self, _pod: str, argv: Sequence[str]) -> str:
        self.sent.append(argv)
        inputs = " ".join(f"inputs:{word}" for word in argv[1:])
        answer = r"results:{operator:\"square\" value:25}"
        self.log += f'{len(self.sent)}\tstart call Do\t{{"req": "{inputs} {answer}"}}\n'
        return ""


def verify(functions: Functions, **chosen: str) -> None:
    flow = replace(functions.flow(), stood_in=("sample controller",))
    verification.verify_flow(flow, lab(**chosen))


@pytest.mark.usefixtures("checkout")
def test_verify_no_sends_nothing_and_says_how_to_do_so(
    kube_api: KubeApi, choose: Callable[..., None], said: Lines
) -> None:
    choose(VERIFY="no", INPUTS="2 3", CLUSTER_NAME="c")
    # It serves no exec: whoever sends something fails.
    kube_api.objects = {manifests.POD: Chain().pods}
    kube_api.lead_to("c")
    verification.verify("calcapp-basic")
    assert said.kept[0] == "df-calcapp is deployed; VERIFY=no: nothing is sent or run"
    assert "/calcapp 2 3" in said.kept[1]


@pytest.mark.usefixtures("checkout")
def test_all_that_a_pattern_names_is_verified_in_order(said: Lines) -> None:
    functions = Squaring(f"{{{CHECKS}, {VALUES.format(square=24.6)}}}")
    verify(functions)
    assert functions.sent == [["/client", "3", "4"]]
    *_, values, line, command, by_hand = said.kept
    assert values.startswith("df-mine answered 3 4 in ")
    assert line.startswith("df-mine: rcv logged '1 start call Do ")
    assert command.startswith(
        "df-mine: square: '/check' ended with exit code 3; stand-ins: sample controller; kept in "
    )
    pods = {key: f"-n mine df-mine-wbfunction-{key}-cpu-pod -c cpu-container0" for key in ("send", "square", "rcv")}
    assert by_hand.splitlines() == [
        "By hand:",
        f"  ./doit kubectl exec {pods['send']} -- /client 3 4",
        f"  ./doit kubectl logs {pods['rcv']} --tail 1",
        f"  ./doit kubectl logs {pods['rcv']}",
        f"  ./doit kubectl exec {pods['square']} -- /check",
    ]


@pytest.mark.usefixtures("checkout")
def test_a_wrong_number_is_named_with_its_tolerance_and_ends_it() -> None:
    functions = Squaring(f"{{{VALUES.format(square=24)}, {CHECKS}}}")
    with pytest.raises(Problem, match=r"^df-mine: square answered 25\.0, expected 24\.0 \(tolerance 0\.5\)$"):
        verify(functions)
    assert len(functions.endings) == 1, "a command was run all the same"


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize(("inputs", "is_said"), [("", False), ("3 4", False), ("2 3", True)])
def test_where_numbers_are_expected_no_other_inputs_are_sent(inputs: str, is_said: bool, said: Lines) -> None:
    functions = Squaring(f"{{{VALUES.format(square=25)}}}")
    verify(functions, INPUTS=inputs)
    assert functions.sent == [["/client", "3", "4"]]
    line = "df-mine: INPUTS is not used: the numbers that work/patterns/mine/pattern.yaml expects are for 3 4"
    assert (said.kept[0] == line) is is_said


@pytest.mark.usefixtures("checkout")
def test_other_inputs_are_sent_where_results_of_calcapp_are_expected() -> None:
    functions = Squaring(f"{{{VALUES.format(square='product')}}}".replace("0.5", "0"))
    with pytest.raises(Problem, match=r"square answered 25\.0, expected 6\.0$"):
        verify(functions, INPUTS="2 3")
    assert functions.sent == [["/client", "2", "3"]]


def test_nothing_but_what_was_deployed_is_claimed_where_no_check_is_named(said: Lines) -> None:
    functions = Functions(own("{}"))
    verify(functions)
    assert said.kept == ["df-mine: nothing is verified but that it is Deployed and Ready; stand-ins: sample controller"]
    assert not functions.asked


@pytest.mark.parametrize("asked", [f"{{{CHECKS}}}", f"{{{VALUES.format(square=25)}}}"])
def test_verify_no_runs_nothing_in_the_pods(asked: str, said: Lines) -> None:
    functions = Squaring(asked)
    verify(functions, VERIFY="no")
    assert said.kept[0] == "df-mine is deployed; VERIFY=no: nothing is sent or run"
    assert said.kept[1].startswith("By hand:")
    assert not functions.asked
