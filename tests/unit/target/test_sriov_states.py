"""tasks.target.sriov_states: how far the operator is, in its own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tasks.problems import Problem
from tasks.target import sriov_policies, sriov_states
from tests.unit.target.cards import ONE, OWNER, SPACE, api, policy, request, state, taken_up
from tests.unit.target.somewhere import Api, node

if TYPE_CHECKING:
    from tasks.engines.kube.manifests import Object

READY = taken_up(state("one", ONE, numVfs=8))


def there(found: Object, offered: int = 8) -> Api:
    """Return a cluster of one worker with this NodeState, which offers so many functions."""
    worker: dict[str, Any] = node("one")
    worker["status"]["allocatable"] = {"openshift.io/cards": str(offered)}
    made = api(found)
    made.objects[:] = [worker, *(each for each in made.objects if each["kind"] != "Node")]
    return made


def test_nothing_is_lacking_once_the_functions_are_made_and_offered() -> None:
    asked = request(there(READY), workers=("one",))
    assert sriov_states.lacking(asked) == []
    sriov_states.await_made(asked, {})


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (state("one", ONE, numVfs=8), "one: the operator has not taken up the policy yet"),
        (taken_up(state("one", ONE, "InProgress")), "one: InProgress"),
        (
            taken_up(state("one", ONE, "InProgress"), desired_state="Reboot_Required", current_state="Draining"),
            "one: InProgress, Reboot_Required, Draining",
        ),
        (taken_up(state("one", ONE, "InProgress"), desired_state="Idle", current_state="Idle"), "one: InProgress"),
        (taken_up(state("one", ONE, "Failed", "no lock")), "one: Failed, no lock"),
        (taken_up(state("one", ONE, "")), "one: no status yet"),
        (taken_up(state("one", ONE, numVfs=3)), f"one: 3 of 8 functions of {ONE}"),
    ],
)
def test_what_the_operator_has_not_done_is_said(found: Object, says: str) -> None:
    assert sriov_states.lacking(request(there(found), workers=("one",))) == [says]


def test_functions_that_the_node_does_not_offer_are_counted() -> None:
    assert sriov_states.lacking(request(there(READY, 3), workers=("one",))) == ["one: 3 of 8 openshift.io/cards"]


def test_a_failure_ends_the_wait_with_its_reason_and_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Api, "evidence", lambda *_: "its log", raising=False)
    asked = request(there(taken_up(state("one", ONE, "Failed", "no lock"))), workers=("one",))
    with pytest.raises(Problem, match=f"SriovNetworkNodeState {SPACE}/one: Failed: no lock") as caught:
        sriov_states.await_made(asked, {})
    assert caught.value.hint == f"./doit kubectl -n {SPACE} describe sriovnetworknodestates one"
    assert caught.value.details == "its log"


@pytest.mark.parametrize("changed", [{"SRIOV_NUM_VFS": "4"}, {"SRIOV_RESOURCE": "openshift.io/other"}])
def test_what_was_made_for_an_earlier_policy_does_not_count(changed: dict[str, str]) -> None:
    lines = sriov_states.lacking(request(there(READY), workers=("one",), env=changed))
    assert "one: the operator has not taken up the policy yet" in lines


def test_functions_of_an_earlier_policy_have_to_go_but_those_of_others_may_be_more() -> None:
    name = sriov_policies.name("one")
    found = taken_up(state("one", ONE, numVfs=12))
    ours, external = {"nicSelector": {"pfNames": [ONE]}}, {"nicSelector": {"pfNames": [ONE]}, "externallyManaged": True}
    for spec, says in ((ours, [f"one: 12 of 8 functions of {ONE}"]), (external, [])):
        cluster = there(found)
        cluster.objects.append(policy(name, spec, owner=OWNER))
        assert sriov_states.lacking(request(cluster, workers=("one",))) == says
