"""tasks.target.preflight: what stands against making anything in an existing cluster is one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.kube import applyset, manifests
from tasks.settings import target
from tasks.target import attaching, preflight
from tasks.target import candidate as candidates
from tests.unit.conftest import lab
from tests.unit.target.cards import DEFINITIONS
from tests.unit.target.somewhere import UID, Facts, candidate, definition, node, parameters_of

if TYPE_CHECKING:
    from tasks.engines.kube.manifests import Object

OTHER = "01234567-0000-0000-0000-456789abcdef"
ARM = node("arm", architecture="arm64")


def labelled(name: str, **labels: str) -> Object:
    item = manifests.namespace(name)
    return {**item, "metadata": {**item["metadata"], "labels": labels}}


def stamped(name: str) -> Object:
    return manifests.stamped(manifests.namespace(name))


def test_a_plain_cluster_with_the_users_consent_lacks_nothing() -> None:
    assert attaching.obstacles(candidate(lab(**parameters_of()))) == []


@pytest.mark.parametrize(
    ("env", "objects", "facts", "says"),
    [
        ({"TARGET_UID": ""}, [], Facts(), f"TARGET_UID={UID} is your consent"),
        ({"TARGET_UID": OTHER}, [], Facts(), f"{OTHER} is not this cluster"),
        (
            {},
            [stamped("cpufunc-calcapp")],
            Facts(),
            "a cluster that this tool made with kind",
        ),
        ({}, [applyset.parent("somebody")], Facts(), "or, in its place, TARGET_OWNER=somebody"),
        ({}, [manifests.config_map(applyset.NAME, "default", {})], Facts(), "exists and is not ours"),
        ({}, [], Facts("v1.19.3"), r"Kubernetes v1.19.3 is not one of v1.31 to v1.31"),
        ({}, [ARM], Facts(), "arm: is linux/arm64; the images are made for linux/amd64"),
        (
            {"TARGET_WORKERS": "one,nine"},
            [],
            Facts(),
            "TARGET_WORKERS: nine is not a node of this cluster",
        ),
        ({}, [node("three", host="3.rack")], Facts(), "its label kubernetes.io/hostname is 3.rack"),
        ({}, [manifests.namespace("cpufunc-calcapp")], Facts(), "Namespace cpufunc-calcapp: exists and is not ours"),
        (
            {},
            [definition("dataflows")],
            Facts(),
            "dataflows.example.com: exists and is not ours",
        ),
        ({}, [labelled("default", **{target.SECURITY: "restricted"})], Facts(), "enforce=restricted forbids"),
        (
            {},
            [],
            Facts(forbids='violates PodSecurity "baseline:latest"'),
            'default: a pod like the controller\'s daemons is forbidden there: violates PodSecurity "baseline:latest"',
        ),
        ({"SRIOV": "policy", "TARGET_WORKERS": "one"}, DEFINITIONS, Facts(), "one: the operator has no SriovNetwork"),
        (
            {"SRIOV": "policy"},
            [],
            Facts(forbidden=frozenset({("sriovnetworknodepolicies", "patch")})),
            "may not patch sriovnetworknodepolicies.sriovnetwork.openshift.io",
        ),
        ({}, [], Facts(forbidden=frozenset({("secrets", "create")})), "may not create secrets: ./doit target_rbac"),
    ],
)
def test_an_obstacle_is_one_line(env: dict[str, str], objects: list[Object], facts: Facts, says: str) -> None:
    (line,) = attaching.obstacles(candidate(lab(**parameters_of(**env)), *objects, facts=facts))
    assert says in line


def test_what_is_ours_is_no_obstacle() -> None:
    chosen = lab(**parameters_of())
    owner = candidates.owner(chosen)
    ours = labelled("cpufunc-calcapp", **{target.OWNER: owner})
    assert attaching.obstacles(candidate(chosen, ours, applyset.parent(owner))) == []
    others = lab(**parameters_of(TARGET_OWNER="somebody"))
    assert attaching.obstacles(candidate(others, applyset.parent("somebody"))) == []


def test_a_check_that_the_user_takes_the_risk_of_is_not_asked() -> None:
    chosen = lab(**parameters_of(IGNORE_CHECKS="target-version"))
    assert attaching.obstacles(candidate(chosen, facts=Facts("v1.19.3"))) == []


def test_the_namespaces_of_all_parts_are_named() -> None:
    assert {"test01", "cpufunc-sample", "test", *target.MANAGERS} <= {*preflight.namespaces()}
