"""tasks.dataflows.values: what is sent, what is said of the answer, and what is kept of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest

from tasks.dataflows import by_hand, values
from tasks.dataflows.flow import Deadlines, Flow
from tasks.patterns import known
from tasks.problems import Problem
from tasks.scenarios import files
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.api import Kube, Objects
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.engines.kube.pod_exec import Container
    from tests.unit.conftest import Lines

ANSWER = (
    r"results:{operator:\"plus\" value:9} results:{operator:\"minus\" value:-5} "
    r"results:{operator:\"multiply\" value:24} results:{operator:\"divide\" value:0.16666666666666666} "
    r"results:{operator:\"average\" value:7.041666666666667}"
)

BASIC = known.named("calcapp-basic")


class Chain:
    """A cluster with the pods of calcapp-basic, whose receiver logs a given answer to whatever is sent."""

    def __init__(self, answer: str = ANSWER) -> None:
        self.answer = answer
        self.sent: list[list[str]] = []
        self.log: list[str] = []
        self.pods: Objects

        self.pods = [
            {
                "metadata": {"name": f"df-calcapp-wbfunction-{hop.key}-cpu-pod", "namespace": BASIC.namespace},
                "spec": {"nodeName": "kind-worker"},
                "status": {"podIP": f"10.0.0.{number}"},
            }
            for number, hop in enumerate(BASIC.hops)
        ]

    def exec(self, _where: Container, argv: list[str], **_: object) -> str:
        self.sent.append(argv)
        inputs = " ".join(f"inputs:{word}" for word in argv[1:])
        self.log.append(f'{len(self.sent)}\tINFO\tmain.go:312\tstart call Do\t{{"req": "{inputs} {self.answer}"}}')
        return ""

    def logs(self, *_: object, **__: object) -> str:
        return "\n".join(self.log)

    def list(self, *_: object) -> Objects:
        return self.pods

    def get(self, _kind: Kind, name: str, *_: object) -> Object | None:
        config = {"ips": ["10.96.0.7"], "ports": [{"port": 8080, "protocol": "TCP"}]}
        return {"data": {"config": json.dumps(config)}} if name.startswith("ethcrl.") else None


def flow_of(chain: Chain) -> Flow:
    cluster = cast("Kube", chain)
    return Flow(
        cluster, BASIC, files.of(cluster, BASIC, lab()), Deadlines(1.0, 1.0), ("sample controller",), "cluster c"
    )


def test_other_inputs_are_sent_and_their_answer_is_kept(checkout: Path, said: Lines) -> None:
    chain = Chain()
    values.verify(flow_of(chain).sending(("2", "3", "4")))
    assert chain.sent == [["/calcapp", "2", "3", "4"]]
    assert "df-calcapp answered 2 3 4 in " in said.kept[-1]
    kept = json.loads((checkout / "work/RESULT/calcapp-basic/answer.json").read_text())
    assert (kept["dataflow"], kept["inputs"]) == ("df-calcapp", [2.0, 3.0, 4.0])
    assert {"time", "seconds"} < set(kept)
    assert (kept["cluster"], kept["stand_ins"]) == ("cluster c", ["sample controller"])
    assert "; stand-ins: sample controller; kept in " in said.kept[-1]
    assert said.kept[-2].splitlines()[0].split() == ["function", "node", "address", "Service", "value", "ok"]
    assert [each["function"] for each in kept["functions"]] == [hop.key for hop in BASIC.hops]
    assert kept["functions"][1] == {
        "function": "plus",
        "node": "kind-worker",
        "address": "10.0.0.1",
        "reached_at": "10.96.0.7:8080",
        "value": 9.0,
        "expected": 9.0,
        "ok": True,
    }


def test_a_wrong_answer_is_named_and_kept_too(checkout: Path, said: Lines) -> None:
    with pytest.raises(Problem, match=r"^df-calcapp: plus answered 10\.0, expected 9\.0"):
        values.verify(flow_of(Chain(ANSWER.replace("value:9}", "value:10}"))).sending(("2", "3", "4")))
    kept = json.loads((checkout / "work/RESULT/calcapp-basic/answer.json").read_text())
    assert [each["function"] for each in kept["functions"] if each.get("ok") is False] == ["plus"]
    assert "10.0" in said.kept[0]


def test_without_other_inputs_those_of_the_pattern_stay() -> None:
    assert flow_of(Chain()).sending(()).pattern.inputs == ("1", "2", "3", "4", "5")


@pytest.mark.parametrize(("inputs", "sends"), [(("2", "-3"), "-- /calcapp 2 -3"), (("-2", "3"), "-- /calcapp -- -2 3")])
def test_the_same_can_be_done_by_hand(inputs: tuple[str, ...], sends: str) -> None:
    flow = flow_of(Chain()).sending(inputs)
    send, look = by_hand.values(flow, flow.pods())
    assert send.endswith(f"exec -n cpufunc-calcapp df-calcapp-wbfunction-send-cpu-pod -c cpu-container0 {sends}")
    assert look.endswith("logs -n cpufunc-calcapp df-calcapp-wbfunction-rcv-cpu-pod -c cpu-container0 --tail 1")
