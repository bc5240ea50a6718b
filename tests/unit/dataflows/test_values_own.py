"""tasks.dataflows.values with a function between that is no calcapp: it may log anything, and have no shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.dataflows import calcapp, values
from tasks.engines.kube import manifests
from tasks.patterns import known
from tasks.problems import Problem
from tests.unit.dataflows.functions import Functions, own

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.conftest import Lines

VALUES = "{values: {client: /calcapp, inputs: [3, 4], expected: {square: 25}}}"
REQUEST = '1\tstart call Do\t{"req": "inputs:3 inputs:4"}'
ANSWER = REQUEST.replace("inputs:4", r"inputs:4 results:{operator:\"square\" value:25}")
NO_SHELL = "bash: cannot be started: no such file"


class Chain(Functions):
    """A chain whose functions log what a test says once something is sent.

    Attributes:
        logged: What each function logs, by key.
    """

    def __init__(self, logged: dict[str, str], *, has_shell: bool = True) -> None:
        super().__init__(own(VALUES))
        self.logged, self.has_shell, self.is_sent = logged, has_shell, False
        keys = [hop.key for hop in self.pattern.hops]
        told = [self.told(key, "10.96.0.7", 8080) for key in keys[:-1]]
        self.objects = {manifests.CONFIG_MAP: told}
        self.answer = self.reply

    def reply(self, pod: str, argv: Sequence[str]) -> str:
        self.is_sent |= argv[0] == "/calcapp"
        if argv[0] == "bash" and "square" in pod and not self.has_shell:
            raise Problem(NO_SHELL)
        return ""

    def logs(self, where: Any, **_: Any) -> str:
        key = next(key for key in self.pods if f"-{key}-" in where.pod)
        return self.logged.get(key, "") if self.is_sent else ""

    def fails_with(self) -> list[str]:
        with pytest.raises(Problem, match="df-mine: an answer to 3 4: not so") as caught:
            values.verify(self.flow(pipeline=0.2))
        return caught.value.details.splitlines()


@pytest.mark.usefixtures("checkout")
def test_what_logs_no_requests_is_only_one_of_those_that_may_have_kept_them() -> None:
    found = Chain({"square": "got 2 numbers"}).fails_with()
    assert found == ["no request reaches rcv: send or square does not pass it on", "  square | got 2 numbers"]


@pytest.mark.usefixtures("checkout")
def test_what_logs_that_it_was_reached_is_to_blame_alone() -> None:
    assert Chain({"square": REQUEST}).fails_with()[0] == "no request reaches rcv: square does not pass it on"


@pytest.mark.usefixtures("checkout")
def test_a_function_without_a_shell_hides_no_other_evidence() -> None:
    found = Chain({}, has_shell=False).fails_with()
    assert found[0] == f"which functions reach each other is not known: {NO_SHELL}"
    assert found[1] == "no request reaches rcv: send or square does not pass it on"


@pytest.mark.usefixtures("checkout")
def test_one_that_has_restarted_and_cannot_be_told_its_next_hop_is_named(said: Lines) -> None:
    chain = Chain({"rcv": ANSWER}, has_shell=False)
    pods = chain.pods
    pods["square"]["status"]["containerStatuses"] = [{"name": "cpu-container0", "restartCount": 1}]
    chain.list = lambda *_: [*pods.values()]  # type: ignore[method-assign]
    values.verify(chain.flow())
    assert said.kept[:2] == [
        "square has restarted: telling it its next hop again",
        f"square cannot be told: {NO_SHELL}",
    ]
    assert said.kept[-1].startswith("df-mine answered 3 4 in ")


@pytest.mark.parametrize(("inputs", "words"), [(("2", "-3"), ["2", "-3"]), (("-2", "3"), ["--", "-2", "3"])])
def test_a_first_input_below_zero_is_not_taken_for_an_option(inputs: tuple[str, ...], words: list[str]) -> None:
    assert calcapp.request(known.named("calcapp-basic").sending(inputs)) == ["/calcapp", *words]
