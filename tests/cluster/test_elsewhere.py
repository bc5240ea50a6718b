"""Dataflows in a cluster that this tool did not make: nothing is written without consent, and nothing of it stays.

The tests share the cluster, and run from what is refused over what is deployed to what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from tasks.engines.docker import client
from tasks.engines.kube import kind, manifests
from tasks.engines.programs import waiting
from tasks.settings import images, parameters
from tests.cluster import cards_of_others, elsewhere, objects, outside_registry
from tests.cluster.guest import CONTEXT, PLACES, Guest
from tests.cluster.lab import ANSWERS, BASIC, Kill, answers, chosen, rows
from tests.cluster.lab import NAME as LAB
from tests.cluster.refusals import FOREIGN, REFUSALS
from tests.conftest import copy_of_checkout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters
    from tests.cluster.elsewhere import Elsewhere
    from tests.cluster.lab import Lab
    from tests.cluster.objects import Seen
    from tests.cluster.outside_registry import OutsideRegistry
    from tests.cluster.refusals import Foreign, Refusal

TWIN = f"{BASIC}-multi-worker"
VIDEO = "dataflow:p1c1"
FUNCTIONS = "dataflow:calcapp-sriov"
VIDEO_BY_FUNCTIONS = "dataflow:p3c1"
SECONDS = 120
# Enough for all that may be on one worker: calcapp-sriov, p3c1, and what sends to it.
FUNCTIONS_EACH = 12
# What the dataflows need that the lab's registry may not hold yet.
IMAGES = (
    "function_image:cpufunc_gst",
    "function_image:send_video_tool",
    *(f"addon_image:{name}" for name in ("multus", "nvidia-k8s-ipam", "sriov-device-plugin")),
)
_ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "test-of-the-log"},
}

# In the order of the graph: each run gets past the place where the one before it was killed.
PLACES_OF_KILLS = (
    (Kill("attach", 0.1, group=True), BASIC),
    (Kill("attach", 0.6, group=False), BASIC),
    (Kill("controller:definitions", 0.1, group=True), BASIC),
    (Kill("controller:configuration", 0, group=False), BASIC),
    (Kill("controller:managers", 0.5, group=True), BASIC),
    (Kill("controller:daemons", 0.5, group=False), BASIC),
    (Kill("scenario:", 0.1, group=True), BASIC),
    (Kill(BASIC, 1, group=True), BASIC),
    (Kill("detach", 0.5, group=True), "detach"),
    (Kill("detach", 2, group=False), "detach"),
)


@pytest.fixture(scope="module")
def registry(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutsideRegistry]:
    """A registry with the images of the lab, which it has built; its cluster is the decoy."""
    lab.run(BASIC)
    lab.run(*IMAGES)
    image = images.tag(images.REGISTRY.name, _built())
    outside_registry.remove()
    held = parameters.current().cache_dir / "registry" / "data"
    with outside_registry.running(image, held, tmp_path_factory.mktemp("registry")) as made:
        yield made


@pytest.fixture(scope="module")
def theirs(registry: OutsideRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """The cluster that exists already."""
    folder = tmp_path_factory.mktemp("elsewhere")
    _delete(folder)
    try:
        made = elsewhere.create(folder, images.tag(images.NODE_IMAGE, _built()), registry)
        of_registry = _built().model_copy(
            update={"dci_registry_addr_alt": f"{registry.host}/images", "sriov_num_vfs": FUNCTIONS_EACH}
        )
        cards_of_others.install(made, PLACES, of_registry)
        yield made
    finally:
        _delete(folder)


def _delete(folder: Path) -> None:
    elsewhere.delete(folder)
    cards_of_others.remove()


def _built() -> Parameters:
    """Return the parameters with which the lab has built its images."""
    return chosen().model_copy(update={"img_tag": LAB})


@pytest.fixture(scope="module")
def guest(lab: Lab, theirs: Elsewhere, registry: OutsideRegistry, tmp_path_factory: pytest.TempPathFactory) -> Guest:
    """A checkout whose user has been given nothing yet."""
    checkout = copy_of_checkout(tmp_path_factory.mktemp("guest") / "check out äöü 日本")
    return Guest(checkout, lab.user_kubeconfig, theirs, registry)


@pytest.fixture(scope="module")
def entitled(guest: Guest) -> Guest:
    """The checkout, with exactly the rights that it asks for."""
    guest.grant(guest.rights())
    return guest


@pytest.fixture(scope="module")
def before(entitled: Guest) -> list[Seen]:
    """The objects of the cluster before anything was made there."""
    return entitled.theirs.objects()


@pytest.fixture(scope="module")
def decoy(lab: Lab, entitled: Guest) -> list[Seen]:
    """The objects of the current context before anything was made elsewhere."""
    return objects.listed(lab.kubectl_says)


def test_the_cluster_is_plain_kind_and_none_of_this_tools(theirs: Elsewhere) -> None:
    nodes = {node.name for node in kind.nodes(elsewhere.NAME)}
    assert nodes == {elsewhere.CONTROL_PLANE, *elsewhere.WORKERS}
    assert elsewhere.NAME not in kind.clusters()
    assert client.OURS not in client.client().containers.get(elsewhere.CONTROL_PLANE).labels


def test_each_of_its_workers_pulls_from_the_registry_that_it_trusts(
    theirs: Elsewhere, registry: OutsideRegistry
) -> None:
    image = next(each for each in registry.tags() if "/cpufunc_sidecar:" in each)
    pods = [_pod(worker, image) for worker in elsewhere.WORKERS]
    theirs.api.apply(pods)
    waiting.until(
        "pods: running",
        lambda: [pod["status"]["phase"] for pod in theirs.api.list(manifests.POD, "default")],
        lambda phases: phases == ["Running"] * len(pods),
        deadline=SECONDS,
    )
    for worker in elsewhere.WORKERS:
        theirs.api.delete(manifests.POD, worker, "default")
        theirs.api.wait_gone(manifests.POD, worker, "default", deadline=SECONDS)


def _pod(worker: str, image: str) -> manifests.Object:
    container = {"name": "main", "image": image, "imagePullPolicy": "Always", "command": ["sleep", "600"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": worker, "namespace": "default"},
        "spec": {"nodeName": worker, "containers": [container], "terminationGracePeriodSeconds": 0},
    }


def test_a_write_is_in_the_log_and_a_question_is_not(theirs: Elsewhere) -> None:
    seen = len(theirs.log())
    theirs.kubectl("auth", "can-i", "create", "pods")
    theirs.kubectl("get", "namespaces")
    assert [write for write in theirs.writes(after=seen, user="kubernetes-admin") if "lease" not in write] == []
    theirs.kubectl("create", "configmap", "written", "-n", "default")
    theirs.kubectl("delete", "configmap", "written", "-n", "default")
    verbs = [write.split()[0] for write in theirs.writes(after=seen, user="kubernetes-admin")]
    assert verbs == ["create", "delete"]


def test_what_is_made_and_taken_away_again_leaves_the_same_list(theirs: Elsewhere) -> None:
    first = theirs.objects()
    theirs.kubectl("create", "configmap", "passing", "-n", "default")
    assert [seen.name for seen in theirs.objects() if seen not in first] == ["passing"]
    theirs.kubectl("delete", "configmap", "passing", "-n", "default")
    assert theirs.objects() == first


def test_what_its_user_writes_is_seen_and_needs_a_right(guest: Guest) -> None:
    create = ("create", "configmap", "written", "-n", "default")
    with guest.writing("create /api/v1/namespaces/default/configmaps"):
        assert guest.asks(*create) == ""
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "delete"]}
    guest.grant([{**_ROLE, "rules": [rule]}])
    with guest.writing("create ", "delete "):
        assert guest.asks(*create) == "configmap/written created"
        assert "deleted" in guest.asks("delete", *create[1:], "--wait=false")
    guest.grant([])
    assert guest.asks("auth", "can-i", "create", "configmaps") == "no"


def test_without_rights_the_missing_ones_are_named_and_nothing_is_written(guest: Guest) -> None:
    with guest.writing():
        output = guest.declined("attach")
    assert "./doit target_rbac" in output
    assert "create" in output


def test_one_right_less_than_the_printed_ones_is_missed_and_named(guest: Guest) -> None:
    roles = guest.rights()
    rules = [rule for role in roles for rule in role["rules"]]
    taken = next(rule for rule in rules if "namespaces" in rule["resources"])
    taken["verbs"] = [verb for verb in taken["verbs"] if verb != "create"]
    guest.grant(roles)
    with guest.writing():
        output = guest.declined("attach")
    assert "create" in output
    assert "namespaces" in output


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_what_is_refused_writes_nothing(entitled: Guest, decoy: list[Seen], refusal: Refusal) -> None:
    with entitled.writing():
        assert refusal.says in entitled.declined(*refusal.words, **refusal.env)


def test_a_cluster_of_this_tool_is_no_target(entitled: Guest, lab: Lab, decoy: list[Seen]) -> None:
    context = yaml.safe_load(lab.user_kubeconfig.read_text(encoding="utf-8"))["current-context"]
    system = lab.api.get(manifests.NAMESPACE, "kube-system") or {}
    output = entitled.declined("attach", TARGET_CONTEXT=context, TARGET_UID=system["metadata"]["uid"])
    assert LAB in output
    assert objects.listed(lab.kubectl_says) == decoy


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_what_others_have_there_already_is_refused_and_stays(entitled: Guest, foreign: Foreign) -> None:
    theirs = entitled.theirs
    theirs.kubectl(*foreign.make, stdin=foreign.stdin)
    try:
        with entitled.writing():
            assert foreign.says in entitled.declined("attach")
    finally:
        theirs.kubectl(*foreign.undo)


def test_doctor_prints_the_consent_that_attach_asks_for_and_writes_nothing(entitled: Guest) -> None:
    with entitled.writing():
        _, output = entitled._doit(("doctor", "--for", "attach"), {"TARGET_UID": ""})
    assert f"TARGET_UID={entitled.theirs.uid}" in output
    assert all(place in output for place in PLACES)


def test_a_dataflow_and_its_twin_answer_on_the_two_named_nodes(entitled: Guest, before: list[Seen]) -> None:
    entitled.run("attach")
    output = entitled.run(BASIC)
    assert answers(output) == ANSWERS
    assert CONTEXT in output
    # It asks for no node, so the controller chooses among the two.
    assert {row["node"] for row in rows(output).values()} <= {*PLACES}
    output = entitled.run(TWIN)
    assert answers(output) == ANSWERS
    assert {row["node"] for row in rows(output).values()} == {*PLACES}


def test_a_second_run_has_nothing_to_make(entitled: Guest) -> None:
    with entitled.writing():
        entitled.run("create_cluster", "cpufunc_namespaces")


def test_a_video_goes_through_and_plays(entitled: Guest) -> None:
    assert "df-cpu-p1c1 passed on" in entitled.run(VIDEO)


def test_a_dataflow_runs_on_the_virtual_functions_that_others_offer(entitled: Guest) -> None:
    output = entitled.run(FUNCTIONS)
    assert answers(output) == ANSWERS
    assert {row["node"] for row in rows(output).values()} <= {*PLACES}
    assert all(row["address"].startswith(cards_of_others.SUBNET) for row in rows(output).values())


def test_a_video_reaches_functions_in_the_second_network(entitled: Guest) -> None:
    assert "df-cpu-p3c1 passed on" in entitled.run(VIDEO_BY_FUNCTIONS)


def test_a_pattern_that_needs_a_load_balancer_is_refused_where_none_is_known(entitled: Guest) -> None:
    output = entitled.declined("dataflow:p1c2")
    assert "LoadBalancer" in output
    assert "ADDONS=metallb" in output


def test_what_others_have_installed_is_shown_with_its_version(entitled: Guest) -> None:
    assert "multus" in entitled.run("status")


def test_a_node_that_does_not_trust_the_registry_is_named_with_what_it_lacks(entitled: Guest) -> None:
    other = elsewhere.WORKERS[0]
    elsewhere.forget_trust(other)
    output = entitled.fail("create_cluster", TARGET_WORKERS=",".join((*PLACES, other)))
    assert f"{other}: cannot pull" in output
    assert "certs.d" in output
    assert "BEGIN CERTIFICATE" in output


def test_a_node_of_another_architecture_is_refused(entitled: Guest) -> None:
    with entitled.theirs.node("arm", architecture="arm64"), entitled.writing():
        output = entitled.declined("attach", TARGET_WORKERS="arm", CLUSTER_NAME="second")
    assert "arm: is linux/arm64" in output


def test_a_version_that_the_tests_do_not_run_on_is_refused(entitled: Guest) -> None:
    table = entitled.checkout.root / "tasks/settings/target.py"
    given = table.read_text(encoding="utf-8")
    table.write_text(given.replace("OLDEST, NEWEST = (1, 31), (1, 31)", "OLDEST, NEWEST = (1, 28), (1, 30)"), "utf-8")
    try:
        with entitled.writing():
            output = entitled.declined("attach", CLUSTER_NAME="second")
    finally:
        table.write_text(given, encoding="utf-8")
    assert "is not one of v1.28 to v1.30" in output


def test_clean_leaves_the_cluster_and_the_way_there(entitled: Guest) -> None:
    with entitled.writing():
        entitled.run("clean")
        assert "attached" not in entitled.run("status")
    with entitled.writing():
        entitled.run("attach")


def test_the_current_context_is_as_it_was(entitled: Guest, lab: Lab, decoy: list[Seen]) -> None:
    assert objects.listed(lab.kubectl_says) == decoy


def test_detached_the_cluster_has_exactly_the_objects_of_before(entitled: Guest, before: list[Seen]) -> None:
    entitled.run("detach")
    assert _identities(entitled.theirs.objects()) == _identities(before)
    with entitled.writing():
        entitled.run("detach")


def test_killed_at_ten_points_it_gets_to_the_answer_and_leaves_nothing(entitled: Guest, before: list[Seen]) -> None:
    for kill, task in PLACES_OF_KILLS:
        if task == "detach":
            assert answers(entitled.run(BASIC)) == ANSWERS
        entitled.kill(kill, task)
    assert answers(entitled.run(BASIC)) == ANSWERS
    entitled.run("detach")
    assert _identities(entitled.theirs.objects()) == _identities(before)


def _identities(seen: list[Seen]) -> list[tuple[str, str, str, str]]:
    return [(*each.identity, each.uid) for each in seen if cards_of_others.KEPT not in each.kind]
