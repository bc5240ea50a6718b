"""tasks.target.sriov_refusals: what stands against policies is one line each, and nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.target import sriov_policies, sriov_refusals
from tests.unit.target.cards import ONE, OWNER, SPACE, STATES, TWO, WORKERS, api, policy, request, state
from tests.unit.target.somewhere import Facts, node

if TYPE_CHECKING:
    from tasks.engines.kube.manifests import Object

SECOND = state("two", TWO)


def operator(prefix: str) -> Object:
    variables = [{"name": "NAMESPACE", "value": SPACE}, {"name": "RESOURCE_PREFIX", "value": prefix}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "sriov-network-operator", "namespace": SPACE},
        "spec": {"template": {"spec": {"containers": [{"name": "operator", "env": variables}]}}},
    }


def test_a_request_with_the_users_consent_is_not_refused() -> None:
    consent = request(api(*STATES)).consent()
    assert sriov_refusals.against(request(api(*STATES), env={"SRIOV_CONSENT": consent})) == []


@pytest.mark.parametrize(
    ("env", "objects", "says"),
    [
        ({}, [state("one", ONE)], "two: the operator has no SriovNetworkNodeState of it"),
        ({}, [state("one", "ens9"), SECOND], f"SRIOV_PF_IF_1: one has no {ONE} that the operator knows, but ens9"),
        ({}, [state("one", ONE, linkType="IB"), SECOND], f"SRIOV_PF_IF_1: {ONE} of one is IB, not Ethernet"),
        ({}, [state("one", ONE, totalvfs=4), SECOND], f"SRIOV_NUM_VFS: 8, but {ONE} of one can have 4"),
        ({}, [state("one", ONE, numVfs=2), SECOND], f"SRIOV_NUM_VFS: 8, but {ONE} of one has 2 from other hands"),
        ({}, [state("one", ONE, "Failed", "no lock"), SECOND], "one: the operator has failed there already: no lock"),
        (
            {},
            [*STATES, policy("theirs", {"nicSelector": {"pfNames": [ONE]}})],
            f"SriovNetworkNodePolicy {SPACE}/theirs: is for {ONE} of one and not ours; it is left as it is",
        ),
        (
            {"SRIOV_RESOURCE": "nvidia.com/cards"},
            STATES,
            "SRIOV_RESOURCE: the operator offers openshift.io/cards, not nvidia.com/cards",
        ),
        ({}, [*STATES, operator("nvidia.com")], "the operator offers nvidia.com/cards, not openshift.io/cards"),
        ({}, STATES, "SRIOV_CONSENT: is empty; SRIOV_CONSENT="),
        ({}, STATES, "the SR-IOV network operator drains one, two and may reboot them"),
        ({"SRIOV_CONSENT": "0123"}, STATES, "SRIOV_CONSENT: is 0123, which stands for something else"),
    ],
)
def test_what_stands_against_it_is_one_line(env: dict[str, str], objects: list[Object], says: str) -> None:
    there = api(*objects)
    (line,) = sriov_refusals.against(request(there, env=env))
    assert says in line
    assert there.written == []


def test_a_cluster_without_the_operator_is_refused() -> None:
    there = api()
    there.objects[:] = [node(worker) for worker in WORKERS]
    first, second = sriov_refusals.against(request(there))
    assert "has no definition sriovnetworknodepolicies.sriovnetwork.openshift.io" in first
    assert "has no definition sriovnetworknodestates.sriovnetwork.openshift.io" in second


def test_a_right_that_is_missing_is_named_first() -> None:
    facts = Facts(forbidden=frozenset({("sriovnetworknodepolicies", "create")}))
    (line,) = sriov_refusals.against(request(api(facts=facts)))
    assert line.startswith("these credentials may not create sriovnetworknodepolicies.sriovnetwork.openshift.io")


def test_more_workers_than_cards_are_refused() -> None:
    there = api(*STATES, node("three"))
    (line,) = sriov_refusals.against(request(there, workers=("one", "two", "three")))
    assert "there are 3 workers, but only SRIOV_PF_IF_1 and SRIOV_PF_IF_2: TARGET_WORKERS=<2 nodes>" in line


def test_a_worker_that_is_no_node_is_refused_and_the_other_keeps_its_card() -> None:
    asked = request(api(*STATES), workers=("nine", "two"))
    assert sriov_refusals.against(asked) == ["TARGET_WORKERS: nine is not a node of this cluster"]
    assert [card.interface for card in asked.cards] == [TWO]


def test_a_failure_of_our_own_policy_stands_not_against_another_one() -> None:
    own = policy(sriov_policies.name("one"), {"nicSelector": {"pfNames": [ONE]}}, owner=OWNER)
    (line,) = sriov_refusals.against(request(api(state("one", ONE, "Failed", "no lock"), SECOND, own)))
    assert line.startswith("SRIOV_CONSENT: ")
