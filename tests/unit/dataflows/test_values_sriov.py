"""tasks.dataflows.values on the second network: what crossed it is proved, and a cut is named by its hop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tasks.dataflows import values
from tasks.dataflows.traffic import Pf
from tasks.engines.kube import manifests
from tasks.patterns import known
from tasks.problems import Problem
from tests.unit.dataflows.functions import Functions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.unit.conftest import Lines

PATTERN = known.named("calcapp-sriov-multi-worker")
RESULTS = " ".join(
    rf"results:{{operator:\"{name}\" value:{value}}}"
    for name, value in {
        "plus": "15",
        "minus": "-13",
        "multiply": "120",
        "divide": "0.008333333333333333",
        "average": "30.502083333333335",
    }.items()
)
PFS = (Pf("kind-worker", "ens9f0np0"), Pf("kind-worker2", "ens9f1np1"))


class Network(Functions):
    """A chain of calcapp whose requests pass the second network, or another way, or stop.

    Attributes:
        by_second: Bytes that each pod sends in the second network for a request.
        by_pf: Bytes that each PF carries for a request.
        cut: Whether nothing reaches the functions on the second worker.
    """

    def __init__(self, by_second: int, by_pf: int, *, cut: bool = False) -> None:
        super().__init__(PATTERN)
        self.by_second, self.by_pf, self.cut = by_second, by_pf, cut
        self.requests = 0
        keys = [hop.key for hop in PATTERN.hops]
        told = [self.told(keys[place], f"192.168.20.{41 + place}", 8080) for place in range(len(keys) - 1)]
        self.objects = {manifests.CONFIG_MAP: told}
        self.answer = self.reply

    def reply(self, pod: str, argv: Sequence[str]) -> str:
        if argv[0] == PATTERN.client:
            self.requests += 1
        elif argv[0] == "cat":
            count = self.requests * self.by_second
            return f"  net1: {count} 1 0 0 0 0 0 0 {count} 1 0 0 0 0 0 0\n"
        elif "/dev/tcp" in argv[2]:
            return "No route to host\n" if self.cut and "multiply" in pod else ""
        return ""

    def logs(self, where: Any, **_: Any) -> str:
        inputs = " ".join(f"inputs:{number}" for number in PATTERN.inputs)
        line = f'{self.requests}\tINFO\tmain.go:312\tstart call Do\t{{"req": "{inputs} {RESULTS}"}}'
        beyond = self.cut and re.search("divide|average|rcv", where.pod)
        return "" if beyond or not self.requests else line

    def carried(self) -> dict[Pf, int]:
        return dict.fromkeys(PFS, self.requests * self.by_pf)

    def verify(self) -> None:
        values.verify(self.flow(pipeline=0.5), self.carried)


@pytest.mark.usefixtures("checkout")
def test_what_the_second_network_and_the_pfs_carried_is_in_the_result(said: Lines) -> None:
    Network(1000, 9000).verify()
    title, *rows = said.kept[0].splitlines()
    assert title.split() == ["function", "node", "address", "net1", "value", "ok"]
    assert rows[1].split() == ["plus", "kind-worker", "192.168.20.41", "192.168.20.41:8080", "15.0", "ok"]
    assert "; net1: 8.0 kB sent, PFs carried 18.0 kB; " in said.kept[1]


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize(
    ("by_second", "by_pf", "says"),
    [(0, 9000, "the packets did not go by net1"), (1000, 100, "the packets did not cross ens9f0np0 of kind-worker")],
)
def test_an_answer_that_came_another_way_does_not_count(by_second: int, by_pf: int, says: str) -> None:
    with pytest.raises(Problem, match=rf"^df-calcapp-sriov: {says}"):
        Network(by_second, by_pf).verify()


@pytest.mark.usefixtures("checkout")
def test_with_the_second_network_cut_the_hop_that_does_not_get_through_is_named() -> None:
    with pytest.raises(Problem, match="df-calcapp-sriov: an answer to 1 2 3 4 5: not so") as caught:
        Network(1000, 9000, cut=True).verify()
    assert caught.value.details.splitlines()[:2] == [
        "divide (on kind-worker2, 192.168.20.44): unreachable from multiply at net1: No route to host",
        "no request reaches divide: multiply does not pass it on",
    ]
