"""Compares `doit plan` on a real cluster with what the next run does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tasks.engines.docker import client
from tasks.engines.kube import manifests
from tests.cluster.lab import NAME, started

if TYPE_CHECKING:
    from tests.cluster.lab import Lab

WHOLE = ("create_cluster_without_scenario", "scenario:calcapp-basic")
OTHER = "10.245.0.0/16"


def planned(lab: Lab, **env: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code, and the tasks that are not up to date, by name."""
    done = lab.checkout.doit("plan", "--json", *WHOLE, env={**lab.env, **env})
    assert done.stderr == ""
    tasks = json.loads(done.stdout)["tasks"]
    return done.returncode, {task["name"]: task for task in tasks if task["state"] != "up to date"}


def holds_true(moving: dict[str, Any], output: str) -> None:
    """Check that everything that the plan promised ran, and nothing that it left out."""
    ran = set(started(output))
    assert {name for name, task in moving.items() if task["state"] == "run"} <= ran <= set(moving)


def test_a_whole_cluster_has_nothing_to_do(verified: Lab) -> None:
    verified.run(*WHOLE)
    assert planned(verified) == (0, {})


def test_an_object_that_a_hand_deleted_is_named(verified: Lab) -> None:
    verified.run(*WHOLE)
    verified.api.delete(manifests.CONFIG_MAP, "functionkindmap", "default")
    verified.api.wait_gone(manifests.CONFIG_MAP, "functionkindmap", "default", deadline=60)
    code, moving = planned(verified)
    assert code == 2
    assert "functionkindmap: not there" in " ".join(moving["controller:configuration"]["reasons"])
    holds_true(moving, verified.run(*WHOLE))
    assert planned(verified) == (0, {})


def test_a_node_that_was_stopped_is_named(verified: Lab) -> None:
    verified.run(*WHOLE)
    client.client().api.kill(f"{NAME}-worker")
    code, moving = planned(verified)
    assert code == 2
    assert f"node {NAME}-worker: stopped" in moving["_kind"]["reasons"]
    holds_true(moving, verified.run(*WHOLE))


def test_a_parameter_that_the_cluster_was_not_made_with_stops_a_run_unless_there_is_consent(verified: Lab) -> None:
    verified.run(*WHOLE)
    code, moving = planned(verified, POD_SUBNET=OTHER)
    assert code == 2
    assert moving["_kind"]["state"] == "stop"
    assert f"POD_SUBNET 10.244.0.0/16 -> {OTHER}" in moving["_kind"]["reasons"]
    assert not moving["_kind"]["disrupts"]
    _, moving = planned(verified, POD_SUBNET=OTHER, RECREATE="1")
    assert moving["_kind"]["state"] == "run"
    assert moving["_kind"]["disrupts"] == [f"cluster {NAME} with its running dataflows: it is made again"]
    assert moving["controller:managers"]["state"] != "up to date"
