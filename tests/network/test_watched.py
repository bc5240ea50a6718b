"""tasks.dataflows.deployment on a real API server: the dataflows that `watch` takes if no task is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.dataflows import deployment
from tasks.dataflows import flow as flows
from tasks.engines.kube import access
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import parameters
from tests.network.contract import PATTERN

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube

TWIN = known.named(f"{PATTERN.name}-multi-worker")


@pytest.mark.parametrize("name", [PATTERN.name, TWIN.name])
def test_the_deployed_one_of_a_pattern_and_its_twin_is_taken(cluster: Kube, name: str) -> None:
    assert deployment.watched() == []
    cluster.apply([flows.of(name, parameters.current()).scenario.data_flow()])
    assert deployment.watched() == [f"dataflow:{name}"]


def test_without_a_cluster_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> None:
        raise Problem("cluster kind: not there")

    monkeypatch.setattr(access, "cluster", absent)
    assert deployment.watched() == []
