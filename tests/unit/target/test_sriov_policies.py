"""tasks.target.sriov_policies: one policy for each worker, and a consent that stands for these policies alone."""

from __future__ import annotations

import pytest

from tasks.target import sriov_policies
from tests.unit.target.cards import ONE, OWNER, SPACE, STATES, TWO, api, policy, request, state


def test_each_worker_gets_a_policy_for_its_own_card() -> None:
    first, second = request(api(*STATES), env={"SRIOV_NUM_VFS": "4"}).objects()
    assert first["metadata"] == {"name": sriov_policies.name("one"), "namespace": SPACE}
    assert first["spec"] == {
        "resourceName": "cards",
        "nodeSelector": {"kubernetes.io/hostname": "one"},
        "nicSelector": {"pfNames": [ONE]},
        "numVfs": 4,
        "deviceType": "netdevice",
    }
    assert second["spec"]["nicSelector"] == {"pfNames": [TWO]}
    assert second["spec"]["nodeSelector"] == {"kubernetes.io/hostname": "two"}


def test_both_workers_may_have_a_card_of_the_same_name() -> None:
    there = api(state("one", ONE), state("two", ONE))
    asked = request(there, env={"SRIOV_PF_IF_2": ONE})
    assert [item["spec"]["nicSelector"]["pfNames"] for item in asked.objects()] == [[ONE], [ONE]]


def test_functions_that_exist_are_managed_from_outside() -> None:
    first, second = request(api(state("one", ONE, numVfs=8), state("two", TWO))).objects()
    assert first["spec"]["externallyManaged"] is True
    assert "externallyManaged" not in second["spec"]


@pytest.mark.parametrize("external", [True, False])
def test_functions_of_our_own_policy_change_nothing_of_it(external: bool) -> None:
    spec = {"nicSelector": {"pfNames": [ONE]}, **({"externallyManaged": True} if external else {})}
    own = policy(sriov_policies.name("one"), spec, owner=OWNER)
    first, _ = request(api(state("one", ONE, numVfs=8), state("two", TWO), own)).objects()
    assert first["spec"].get("externallyManaged", False) is external


def test_our_policy_for_another_card_says_nothing_of_this_one() -> None:
    own = policy(sriov_policies.name("one"), {"nicSelector": {"pfNames": ["ens9"]}}, owner=OWNER)
    first, _ = request(api(state("one", ONE, numVfs=8), state("two", TWO), own)).objects()
    assert first["spec"]["externallyManaged"] is True


@pytest.mark.parametrize(
    "changed", [{"SRIOV_NUM_VFS": "4"}, {"SRIOV_RESOURCE": "openshift.io/other"}, {"SRIOV_PF_IF_2": "ens3"}]
)
def test_another_request_needs_another_consent(changed: dict[str, str]) -> None:
    there = api(*STATES)
    assert request(there).consent() == request(there).consent()
    assert request(there, env=changed).consent() != request(there).consent()


def test_other_nodes_need_another_consent() -> None:
    assert request(api(*STATES), workers=("two", "one")).consent() != request(api(*STATES)).consent()
    assert request(api(*STATES), workers=("one",)).consent() != request(api(*STATES)).consent()


@pytest.mark.parametrize(
    ("spec", "is_for_it"),
    [
        ({"nicSelector": {"pfNames": [ONE]}}, True),
        ({"nicSelector": {"pfNames": [f"{ONE}#0-3"]}}, True),
        ({"nicSelector": {"vendor": "15b3"}}, True),
        ({"nicSelector": {"rootDevices": ["0000:17:00.0"]}, "nodeSelector": {"rack": "a"}}, False),
        ({"nicSelector": {"rootDevices": ["0000:17:00.0"]}}, True),
        ({"nicSelector": {"pfNames": ["ens9"]}}, False),
        ({"nicSelector": {}}, False),
        ({"nicSelector": {"vendor": "8086", "pfNames": [ONE]}}, False),
        ({"nicSelector": {"pfNames": [ONE], "deviceID": "1017"}}, False),
    ],
)
def test_a_policy_of_others_is_for_a_card_if_all_that_it_names_fits(spec: dict[str, object], is_for_it: bool) -> None:
    asked = request(api(*STATES, policy("theirs", spec)), workers=("one",))
    assert bool(asked.cards[0].others) is is_for_it


def test_the_operators_own_policy_and_ours_are_not_of_others() -> None:
    ours = policy(sriov_policies.name("one"), owner=OWNER)
    asked = request(api(*STATES, policy("default", {"nicSelector": {"pfNames": [ONE]}}), ours), workers=("one",))
    assert asked.cards[0].others == []
