"""tasks.dataflows.all_patterns: what is there before a run, and what is known of it before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.controller.kinds import DATA_FLOW
from tasks.dataflows import all_patterns
from tasks.dataflows.series import FAILED, VERIFIED, Outcome, Standing
from tasks.engines.files import atomic
from tasks.engines.kube import access
from tasks.problems import Problem
from tasks.settings import paths
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.kube_api import KubeApi

OF_A_RUN: dict[str, Any] = {"annotations": {"openkasugai.dev/deployed-by": "all-patterns"}}


def live(name: str, hour: int, *, spread: bool = False, **metadata: Any) -> dict[str, Any]:
    namespace = "cpufunc-calcapp" if "calcapp" in name else "cpufunc-sample"
    created = f"2026-01-01T{hour:02}:00:00Z"
    return {
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": created, **metadata},
        "spec": {"functionChainRef": {}, **({"userRequirement": "user-requirement"} if spread else {})},
    }


@pytest.mark.usefixtures("checkout")
def test_dataflows_that_are_there_are_known_by_form_and_owner_the_oldest_first(kube_api: KubeApi) -> None:
    elsewhere = live("df-cpu-p1c1", 1, namespace="mine")
    kube_api.objects = {
        DATA_FLOW: [
            live("df-cpu-p2c3", 9, spread=True, **OF_A_RUN),
            live("df-calcapp", 7),
            live("df-cpu-p3c1", 8, **OF_A_RUN),
            live("df-of-my-own", 5),
            elsewhere,
        ]
    }
    kube_api.lead_to("c")
    assert all_patterns.standing(access.cluster("c")) == [
        Standing("calcapp-basic", is_users=True),
        Standing("p3c1", is_users=False),
        Standing("p2c3-multi-worker", is_users=False),
    ]


@pytest.mark.usefixtures("checkout")
def test_without_the_controllers_source_nobody_knows_what_can_run(choose: Callable[..., None]) -> None:
    choose()
    with pytest.raises(Problem, match="when the controller's source is there"):
        all_patterns.lack()


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize(
    ("verify", "chosen", "result", "says"),
    [
        ("{log: [{function: a, line: x}]}", "yes", VERIFIED, VERIFIED),
        ("{log: [{function: a, line: x}]}", "no", VERIFIED, "deployed"),
        ("{}", "yes", VERIFIED, "deployed"),
        ("{}", "yes", FAILED, FAILED),
    ],
)
def test_no_more_is_claimed_than_was_verified(verify: str, chosen: str, result: str, says: str) -> None:
    text = f"namespace: mine\ndataflow: df-mine\nfunctions: [{{key: a, image: b}}]\nverify: {verify}\n"
    atomic.write(paths.OWN_PATTERNS / "mine" / "pattern.yaml", text)
    assert all_patterns.worded(Outcome("mine", result), lab(VERIFY=chosen)).result == says
