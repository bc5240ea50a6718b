"""A dataflow with wrong answers does not count as deployed, and a dataflow that resists deletion is deleted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tasks.controller.kinds import FUNCTION_TARGET, READY, state
from tasks.engines.kube import manifests
from tests.cluster.lab import ANSWERS, BASIC, DELETE, NAME, NAMESPACE, answers, function_pod, started

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.lab import Lab

FLOW_CONTROL = "whitebox-k8s-flowctrl"
MANAGER = f"{FLOW_CONTROL}-controller-manager"
# A port where nobody listens: on the functions' own port, a function would pass requests on to itself for ever.
NOBODY = ("127.0.0.1", 9)
PORT = 8080


@pytest.fixture
def redeployed(verified: Lab) -> Iterator[Lab]:
    """A verified dataflow that a test may break: it is deleted afterwards."""
    yield verified
    verified.run(DELETE)


def pass_on_to(lab: Lab, function: str, other: str) -> None:
    """Make a function pass requests on to a function other than the next one, or to nobody."""
    service = lab.api.get(manifests.SERVICE, f"df-calcapp-wbfunction-{other}-service", NAMESPACE)
    address, port = (service["spec"]["clusterIP"], PORT) if service else NOBODY
    config = json.dumps({"ips": [address], "ports": [{"port": port, "protocol": "TCP"}]})
    name = f"ethcrl.{function_pod(function)}"
    lab.api.patch(manifests.CONFIG_MAP, name, NAMESPACE, {"data": {"config": config}})


@pytest.mark.parametrize(
    ("function", "other", "named"),
    [
        ("multiply", "", "no request reaches divide: multiply does not pass it on"),
        ("plus", "multiply", "minus added no value to the request"),
    ],
    ids=["broken", "left out"],
)
def test_a_missing_value_fails_the_task_and_the_hop_is_named(
    redeployed: Lab, function: str, other: str, named: str
) -> None:
    pass_on_to(redeployed, function, other)
    output = redeployed.fail(BASIC, PIPELINE_DEADLINE="20")
    assert named in output
    assert f"Try: ./doit {DELETE} {BASIC}" in output
    assert answers(redeployed.run(DELETE, BASIC)) == ANSWERS


def test_own_inputs_are_answered_and_the_answer_is_kept(verified: Lab) -> None:
    output = verified.run(BASIC, INPUTS="2 3 4")
    expected = {
        "plus": 9.0,
        "minus": -5.0,
        "multiply": 24.0,
        "divide": 0.16666666666666666,
        "average": 7.041666666666667,
    }
    assert {function: float(value) for function, value in answers(output).items()} == expected
    kept = json.loads((verified.checkout.root / "work/RESULT/calcapp-basic/answer.json").read_text())
    assert kept["inputs"] == [2.0, 3.0, 4.0]
    assert {each["function"]: each["value"] for each in kept["functions"] if each.get("ok")} == expected
    # The client takes a first input below zero for an option, and a division by zero travels.
    assert answers(verified.run(BASIC, INPUTS="-1 0"))["divide"] == "-inf"


def test_a_deleted_dataflow_leaves_nothing_and_can_be_deleted_again(verified: Lab) -> None:
    verified.run(DELETE)
    assert verified.pod_uids() == {}
    assert "df-calcapp is not deployed" in verified.run(DELETE)


def test_a_gpu_that_comes_or_goes_while_the_controller_runs_is_counted(lab: Lab) -> None:
    lab.run(DELETE)  # what a dataflow on the worker means for it, is in the network tier
    lab.run("create_cluster", EMULATE="sriov")
    assert gpus(lab) == {}
    lab.run("create_cluster", EMULATE="sriov,gpu")
    assert list(gpus(lab).values()) == [READY]
    assert started(lab.run("create_cluster", EMULATE="sriov,gpu")) == []
    lab.run("create_cluster")


def gpus(lab: Lab) -> dict[str, str]:
    """Return the state of each FunctionTarget of the first worker that is not its CPU."""
    seen = {manifests.name_of(item): state(item) for item in lab.api.list(FUNCTION_TARGET)}
    worker = f"{NAME}-worker."
    return {name: word for name, word in seen.items() if name.startswith(worker) and name != f"{worker}cpu-0.cpu"}


def test_a_deletion_that_nobody_finishes_is_finished_by_us(verified: Lab) -> None:
    verified.api.patch(manifests.DEPLOYMENT, MANAGER, f"{FLOW_CONTROL}-system", {"spec": {"replicas": 0}})
    output = verified.run(DELETE)
    assert "removing what holds it" in output
    assert verified.pod_uids() == {}
    # The manager was changed by hand: the next run restores it, and no capacity has leaked.
    output = verified.run(BASIC)
    assert "controller:managers" in started(output)
    assert answers(output) == ANSWERS
