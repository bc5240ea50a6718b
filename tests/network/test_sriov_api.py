"""target.sriov_making with the definitions of the SR-IOV network operator on a real API server; its part is acted."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.go import command
from tasks.engines.kube import applyset, manifests
from tasks.engines.kube.api import Kube
from tasks.engines.kube.applyset import ApplySet
from tasks.engines.kube.attachment import Attachment
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import nics, parameters, sriov, target
from tasks.target import choice, leaving, sriov_making, sriov_states
from tasks.target.sriov_policies import POLICY, STATE, Request
from tests.network.contract import set_status, wait_at_most
from tests.targets import Given
from tests.unit.conftest import lab
from tests.unit.target.somewhere import parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.manifests import Object

MODULE = "github.com/k8snetworkplumbingwg/sriov-network-operator@v1.5.0"
SUM = "h1:xH8g2P+L99qZjAu/rPikxe483vhpUoJ9+j7yU4JhDlw="
OWNER = "0f0f0f0f0f0f0f0f"
SPACE = "sriov-network-operator"
RESOURCE = "openshift.io/cards"
CARDS = {"sriov-a": "ens1f0", "sriov-b": "ens2f0"}
ATTACHED = Attachment("theirs", "https://server", "uid", OWNER)


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    """The operator's definitions, from its module."""
    said = command.run(tmp_path_factory.mktemp("module"), lab(), "mod", "download", "-json", MODULE)
    module = json.loads(said)
    assert module["Sum"] == SUM
    files = [
        Path(module["Dir"]) / f"config/crd/bases/{sriov.GROUP}_{name}.yaml" for name in (sriov.POLICIES, sriov.STATES)
    ]
    return [item for file in files for item in manifests.load(file)]


@dataclass(frozen=True)
class Operator:
    """What the operator, its daemons and the kubelets do, by hand.

    Attributes:
        api: The API of its administrator.
    """

    api: Kube

    def await_policies(self, count: int) -> None:
        """Wait until there are policies for both cards, with so many functions."""
        wanted = [count] * len(CARDS)
        waiting.until(
            "policies", lambda: _counts(self.api.list(POLICY, SPACE)), lambda found: found == wanted, deadline=20
        )

    def take_up(self) -> None:
        """Ask for what the policies say in the NodeStates."""
        for policy in self.api.list(POLICY, SPACE):
            spec = policy["spec"]
            group = {"policyName": manifests.name_of(policy), "resourceName": spec["resourceName"]}
            card = {"pciAddress": "0000:17:00.0", "name": spec["nicSelector"]["pfNames"][0], "numVfs": spec["numVfs"]}
            asked = {"spec": {"interfaces": [{**card, "vfGroups": [group]}]}}
            self.api.patch(STATE, spec["nodeSelector"][target.HOST_NAME], SPACE, asked)

    def say(self, node: str, word: str, error: str = "", functions: int = 0) -> None:
        """Set the status of a node."""
        card = {"name": CARDS[node], "pciAddress": "0000:17:00.0", "totalvfs": 16, "linkType": "ETH"}
        item = {"apiVersion": STATE.api_version, "kind": STATE.name, "metadata": {"name": node, "namespace": SPACE}}
        status = {"interfaces": [{**card, "numVfs": functions}], "syncStatus": word, "lastSyncError": error}
        set_status(self.api, item, status)

    def note(self, node: str, **notes: str) -> None:
        """Say what a node needs, and how far that is: `desired` and `current`."""
        annotations = {f"{sriov.GROUP}/{name}-state": word for name, word in notes.items()}
        self.api.patch(STATE, node, SPACE, {"metadata": {"annotations": annotations}})

    def offer(self, node: str, count: int) -> None:
        """Offer functions to pods."""
        item = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}}
        set_status(self.api, item, {"capacity": {RESOURCE: str(count)}, "allocatable": {RESOURCE: str(count)}})

    def finish(self, count: int = 8) -> None:
        """Do all of it."""
        self.take_up()
        for node in CARDS:
            self.say(node, "InProgress")
            self.say(node, "Succeeded", functions=count)
            self.offer(node, count)


@pytest.fixture
def operator(api: Kube, definitions: list[Object]) -> Iterator[Operator]:
    """The operator in a cluster of two workers, which has got no policy yet."""
    nodes: list[Object] = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}} for name in CARDS]
    states: list[Object] = [
        {"apiVersion": STATE.api_version, "kind": STATE.name, "metadata": {"name": name, "namespace": SPACE}}
        for name in CARDS
    ]
    api.apply([*definitions, manifests.namespace(SPACE), *nodes])
    api.apply(states)
    acting = Operator(api)
    for node in CARDS:
        acting.say(node, "Succeeded")
        acting.offer(node, 0)
    yield acting
    for item in [*api.list(POLICY), *api.list(STATE), *nodes, *definitions]:
        api.delete(manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item))
    for item in definitions:
        api.wait_gone(manifests.kind_of(item), manifests.name_of(item), deadline=20)


@pytest.fixture
def guest(operator: Operator, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kube]:
    """The API as a checkout that is attached has it, with parameters that name both cards but no consent."""
    operator.api.apply([manifests.namespace("kube-system")])
    operator.api.send_apply(applyset.parent(OWNER))
    ours = Kube(kubeconfig, ours=ApplySet(ATTACHED))
    values = {"SRIOV_PF_IF_1": CARDS["sriov-a"], "SRIOV_PF_IF_2": CARDS["sriov-b"], "SRIOV_RESOURCE": RESOURCE}
    chosen = lab(**parameters_of(SRIOV="policy", TARGET_OWNER=OWNER, ADDONS="", **values))
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    monkeypatch.setattr(choice, "of", lambda _chosen: Given(ours, (*CARDS,)))
    yield ours
    operator.api.delete(manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE)


def agree(monkeypatch: pytest.MonkeyPatch, guest: Kube, **more: Any) -> None:
    """Give the consent that is asked for."""
    chosen = parameters.current().model_copy(update=more)
    consent = Request(guest, (*CARDS,), chosen, OWNER).consent()
    agreed = chosen.model_copy(update={"sriov_consent": consent})
    monkeypatch.setattr(parameters, "current", lambda: agreed)


def of_others(card: str) -> Object:
    """Return a policy that is not ours."""
    spec = {"resourceName": "theirs", "nodeSelector": {}, "numVfs": 2, "nicSelector": {"pfNames": [card]}}
    metadata = {"name": "theirs", "namespace": SPACE}
    return {"apiVersion": POLICY.api_version, "kind": POLICY.name, "metadata": metadata, "spec": spec}


def _counts(policies: list[Object]) -> list[int]:
    return [policy["spec"]["numVfs"] for policy in policies]


def versions(api: Kube) -> dict[str, str]:
    """Return the version of each object of the operator."""
    found = [*api.list(POLICY), *api.list(STATE)]
    return {manifests.label_of(item): item["metadata"]["resourceVersion"] for item in found}


def test_policies_are_made_with_consent_and_their_functions_awaited(
    operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    agree(monkeypatch, guest)
    lack = sriov_making.lack()
    assert len([reason for reason in lack.reasons if "SriovNetworkNodePolicy" in reason]) == len(CARDS)
    assert "drains sriov-a, sriov-b and may reboot them" in lack.disrupts[0]

    def act() -> None:
        operator.await_policies(8)
        operator.finish()

    acting = threading.Thread(target=act)
    acting.start()
    sriov_making.make()
    acting.join()
    assert said == ["SR-IOV: 2 policies applied, 0 were as they should be"]
    made = {each["spec"]["nodeSelector"][target.HOST_NAME]: each for each in operator.api.list(POLICY, SPACE)}
    assert {node: each["spec"]["nicSelector"]["pfNames"] for node, each in made.items()} == {
        node: [card] for node, card in CARDS.items()
    }
    for each in made.values():
        assert each["metadata"]["labels"].items() >= applyset.labels(OWNER).items()
        assert (each["spec"]["numVfs"], each["spec"]["deviceType"]) == (8, "netdevice")
        assert not each["spec"].get("externallyManaged")
    before = versions(operator.api)
    assert not sriov_making.lack(), "nothing is left to do"
    sriov_making.make()
    assert versions(operator.api) == before


def test_functions_that_exist_are_only_offered(
    operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    for node in CARDS:
        operator.say(node, "Succeeded", functions=8)
    agree(monkeypatch, guest, sriov_deadline=1)
    with pytest.raises(Problem, match="has not taken up the policy yet"):
        sriov_making.make()
    assert [each["spec"]["externallyManaged"] for each in operator.api.list(POLICY, SPACE)] == [True, True]
    operator.finish()
    assert not sriov_making.lack()


@pytest.mark.parametrize("consent", ["", "0123456789abcdef"])
def test_nothing_is_written_without_this_very_consent(
    operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch, consent: str
) -> None:
    agree(monkeypatch, guest)
    wanted = parameters.current().sriov_consent
    chosen = parameters.current().model_copy(update={"sriov_consent": consent})
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    before = versions(operator.api)
    (obstacle,) = sriov_making.lack().obstacles
    assert f"SRIOV_CONSENT={wanted} is your consent" in obstacle
    with pytest.raises(Problem, match="drains sriov-a, sriov-b and may reboot them"):
        sriov_making.make()
    assert versions(operator.api) == before


def test_a_consent_is_not_for_other_numbers(operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch) -> None:
    agree(monkeypatch, guest)
    wait_at_most(monkeypatch, sriov_num_vfs=4)
    with pytest.raises(Problem, match="which stands for something else"):
        sriov_making.make()
    assert operator.api.list(POLICY) == []


def test_a_card_with_a_policy_of_others_is_refused_and_their_policy_left_as_it_is(
    operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.api.apply([of_others(CARDS["sriov-b"])])
    agree(monkeypatch, guest)
    before = versions(operator.api)
    with pytest.raises(Problem, match=f"{SPACE}/theirs: is for {CARDS['sriov-b']} of sriov-b and not ours"):
        sriov_making.make()
    assert versions(operator.api) == before


def test_a_failure_of_the_operator_ends_the_wait(
    operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(monkeypatch, guest)

    def act() -> None:
        operator.await_policies(8)
        operator.take_up()
        operator.say("sriov-b", "Failed", "cannot create VFs: no such device")

    acting = threading.Thread(target=act)
    acting.start()
    with pytest.raises(Problem, match="sriov-b: Failed: cannot create VFs: no such device") as caught:
        sriov_making.make()
    acting.join()
    assert caught.value.hint == f"./doit kubectl -n {SPACE} describe sriovnetworknodestates sriov-b"
    operator.finish()
    assert not sriov_making.lack(), "the operator has tried again"


def test_a_failure_of_before_is_not_taken_for_one_of_our_policies(
    operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(monkeypatch, guest, sriov_deadline=1)
    with pytest.raises(Problem, match="within 1 s"):
        sriov_making.make()
    operator.take_up()
    operator.say("sriov-a", "Failed", "too many")
    agree(monkeypatch, guest, sriov_deadline=10, sriov_num_vfs=4)
    looks: list[dict[str, Object]] = []
    look = sriov_states.seen

    def recorded(asked: Request) -> dict[str, Object]:
        looks.append(look(asked))
        return looks[-1]

    monkeypatch.setattr(sriov_states, "seen", recorded)

    def act() -> None:
        operator.await_policies(4)
        operator.take_up()
        waiting.until(
            "a look at it", lambda: str(looks[-1]["sriov-a"]["spec"]), lambda spec: "': 4" in spec, deadline=20
        )
        operator.finish(4)

    acting = threading.Thread(target=act)
    acting.start()
    sriov_making.make()
    acting.join()


def test_an_operator_that_is_not_done_in_time_is_explained(
    operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(monkeypatch, guest, sriov_deadline=1)
    with pytest.raises(Problem, match="sriov-a: the operator has not taken up the policy yet"):
        sriov_making.make()
    operator.take_up()
    operator.say("sriov-a", "InProgress")
    operator.note("sriov-a", desired="Reboot_Required", current="Draining")
    operator.say("sriov-b", "Succeeded", functions=8)
    with pytest.raises(Problem, match=r"last seen: sriov-a: InProgress, Reboot_Required, Draining\n") as caught:
        sriov_making.make()
    assert caught.value.hint == f"./doit kubectl -n {SPACE} describe sriovnetworknodestates"


def test_a_node_that_does_not_offer_its_functions_is_named(
    operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(monkeypatch, guest, sriov_deadline=1)
    monkeypatch.setattr(nics, "ALLOCATABLE_DEADLINE", 1.0)
    with pytest.raises(Problem, match="within 1 s"):
        sriov_making.make()
    operator.finish()
    operator.offer("sriov-b", 3)
    with pytest.raises(Problem, match=f"last seen: sriov-b: 3 of 8 {RESOURCE}"):
        sriov_making.make()


def test_detach_deletes_our_policies_and_leaves_those_of_others_and_the_definitions(
    operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    agree(monkeypatch, guest, sriov_deadline=1)
    with pytest.raises(Problem, match="within 1 s"):
        sriov_making.make()
    operator.api.apply([of_others("ens9")])
    monkeypatch.setattr(target, "GROUP", "sriov.test")
    left = leaving.Leaving(guest, ATTACHED, leaving.Deadlines(3, 20))
    assert len([item for item in left.members() if item["kind"] == POLICY.name]) == len(CARDS)
    left.leave()
    assert [manifests.name_of(item) for item in operator.api.list(POLICY)] == ["theirs"]
    assert len(operator.api.list(STATE)) == len(CARDS)


def test_nothing_is_asked_of_a_cluster_without_the_policies(
    operator: Operator, guest: Kube, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = parameters.current().model_copy(update={"sriov": sriov.GIVEN})
    monkeypatch.setattr(parameters, "current", lambda: given)
    assert not sriov_making.lack()
    sriov_making.make()
    assert operator.api.list(POLICY) == []
    assert guest.list(POLICY) == []
