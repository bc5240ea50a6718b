"""Lending and giving back on a recorded dual-port ConnectX-5: what is refused, written down and ordered."""

from __future__ import annotations

import fcntl
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from tasks import reasons
from tasks.cluster import removal
from tasks.engines import nic_root
from tasks.engines.docker import client
from tasks.engines.host import namespaces as host_namespaces
from tasks.engines.host import pci
from tasks.engines.kube import access as kube_api
from tasks.engines.kube import kind, manifests
from tasks.gpu import lease
from tasks.nics import cards, lending, presence, refusals, restoring, udev
from tasks.nics import ledger as nics_ledger
from tasks.nics import pods as nics_pods
from tasks.nics import steps as nics_steps
from tasks.nics import wish as nics_wish
from tasks.nics.ledger import Ledger, Loan, Record
from tasks.nics.wish import Wish
from tasks.problems import Problem
from tasks.settings import nics as settings
from tasks.settings import paths
from tests.unit.connectx5 import card
from tests.unit.connectx5.card import HOST, LEFT, NODE, POD, RIGHT
from tests.unit.containers import Containers, ours

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.conftest import Lines

WISH = Wish(settings.BY_TASK["kind-worker"], "kind", "ens9f0np0", "ens9f0.*", "192.168.20.2/24", 8)
OTHER = Wish(settings.BY_TASK["kind-worker2"], "kind", "ens9f1np1", "ens9f1.*", "192.168.20.3/24", 8)


@pytest.fixture
def sysfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The card's sysfs tree, in place of the machine's."""
    root = tmp_path / "sys"
    card.make_sysfs(root)
    original = pci.read
    monkeypatch.setattr(pci, "read", lambda bdf: original(bdf, root))
    return root


@pytest.fixture
def ledgers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for ledgers, written without root."""
    monkeypatch.setattr(settings, "LEDGERS", tmp_path / "nics")
    monkeypatch.setattr(
        host_namespaces, "call", lambda function, **arguments: nic_root.FUNCTIONS[function](**arguments)
    )
    return tmp_path / "nics"


def function(bdf: str) -> pci.Function:
    found = pci.read(bdf)
    assert found is not None
    return found


def link(name: str, /, **changes: Any) -> host_namespaces.Link:
    """Return a recorded interface of the host with some fields changed."""
    found = card.world().host.named(name)
    assert found is not None
    return replace(found, **changes)


def record(name: str, /, **changes: Any) -> Record:
    """Return what the ledger would hold of a recorded interface."""
    there = link(name)
    made = Record(
        bdf=there.bdf, identity="15b3:1019", permanent_mac=there.mac, namespace="host", name=there.name,
        altnames=there.altnames, mac=there.mac, mtu=there.mtu, up=there.up, driver="mlx5_core", num_vfs=8,
        physical_function="", addresses=(), routes=(), vf_settings=there.vf_settings,
    )  # fmt: skip
    return replace(made, **changes)


def words(steps: list[nics_steps.Step]) -> list[str]:
    return [" ".join(step["ip"]) if "ip" in step else f"{step['write']} = {step['text']}" for step in steps]


# Refusals


def extra(name: str, **fields: Any) -> host_namespaces.Namespace:
    """Return the host with one more interface."""
    return replace(card.world().host, links=(*card.world().host.links, host_namespaces.Link(name, **fields)))


@pytest.mark.parametrize(
    ("host", "lifelines", "said"),
    [
        (card.world().host, {"ens9f0np0": "the default route goes through it"}, "default route"),
        (card.world().host, {"ens9f0np0": "the SSH connection from 203.0.113.9 goes through it"}, "SSH connection"),
        (extra("ens9f0np0.100", under="ens9f0np0"), {}, "ens9f0np0.100 is built upon it"),
    ],
    ids=["default route", "SSH", "VLAN"],
)
def test_lifelines_are_refused(
    sysfs: Path, host: host_namespaces.Namespace, lifelines: dict[str, str], said: str
) -> None:
    with pytest.raises(Problem, match=said) as caught:
        refusals.refuse_lifelines(WISH, function(LEFT), host, lifelines)
    assert caught.value.message.startswith("SRIOV_PF_IF_1: ens9f0np0 is not lent")


def test_member_of_a_bond_is_refused(sysfs: Path) -> None:
    host = replace(card.world().host, links=(link("ens9f0np0", master="bond0"),))
    with pytest.raises(Problem, match="ens9f0np0 is not lent: it is a member of bond0"):
        refusals.refuse_lifelines(WISH, function(LEFT), host, {})


def test_virtual_function_that_the_host_lives_on_is_refused(sysfs: Path) -> None:
    lifelines = {"ens9f0v3": "the default route goes through it"}
    with pytest.raises(Problem, match="ens9f0np0 is not lent: its virtual function ens9f0v3: the default route"):
        refusals.refuse_lifelines(WISH, function(LEFT), card.world().host, lifelines)


def test_lifeline_elsewhere_is_no_reason(sysfs: Path) -> None:
    lifelines = {"eno8303": "the default route", "ens9f1np1": "the SSH connection"}
    refusals.refuse_lifelines(WISH, function(LEFT), card.world().host, lifelines)


def test_function_of_a_virtual_machine_forbids_another_count(sysfs: Path) -> None:
    driver = pci.folder("0000:17:00.3", sysfs) / "driver"
    driver.unlink()
    driver.symlink_to("../../../../bus/pci/drivers/vfio-pci")
    with pytest.raises(Problem, match=r"8 cannot become 4 while 0000:17:00.3 has the driver vfio-pci"):
        lending._refuse_held(replace(WISH, num_vfs=4), function(LEFT), card.world())


def test_card_without_sriov_is_refused(sysfs: Path) -> None:
    with pytest.raises(Problem, match=r"SRIOV_PF_IF_1: ens9f0np0 has no SR-IOV"):
        refusals.refuse_unable(WISH, function("0000:04:00.0"))


def test_more_functions_than_the_card_can_have_are_refused(sysfs: Path) -> None:
    with pytest.raises(Problem, match=r"SRIOV_NUM_VFS: 9 is more than the 8 that ens9f0np0 \(0000:17:00.0\) can have"):
        refusals.refuse_unable(replace(WISH, num_vfs=9), function(LEFT))


def test_pattern_that_matches_another_card_is_refused_with_the_list(sysfs: Path) -> None:
    host = replace(
        card.world().host, links=(*card.world().host.links, host_namespaces.Link("ens9f10", bdf="0000:31:00.0"))
    )
    with pytest.raises(Problem, match=r"SRIOV_IF_REGEX_2: ens9f1\.\* also matches what is not of ens9f1np1: ens9f10$"):
        refusals.refuse_foreign_matches(OTHER, function(RIGHT), host)


def test_patterns_of_the_manual_match_their_own_functions_only(sysfs: Path) -> None:
    for wish, bdf in ((WISH, LEFT), (OTHER, RIGHT)):
        refusals.refuse_foreign_matches(wish, function(bdf), card.world().host)
        matching = [found for found in card.world().host.links if nics_wish.matches(wish, found)]
        assert len(matching) == 9


def test_representor_that_matches_is_not_taken_for_another_card(sysfs: Path) -> None:
    refusals.refuse_foreign_matches(WISH, function(LEFT), extra("ens9f0npf0vf0", representor=True))


def test_card_of_another_worker_is_refused(sysfs: Path) -> None:
    with pytest.raises(Problem, match=r"is the card of SRIOV_PF_IF_2 too"):
        refusals.refuse_shared(WISH, LEFT, {"SRIOV_PF_IF_2": LEFT}, ())


def test_card_of_another_cluster_is_refused_with_the_way_out() -> None:
    theirs = Ledger("other", "boot", {}, {"other-worker": Loan(LEFT, 8, 1)})
    with pytest.raises(Problem, match=r"is lent to other-worker of cluster other") as caught:
        refusals.refuse_shared(WISH, LEFT, {}, [theirs])
    assert caught.value.hint == "CLUSTER_NAME=other ./doit nics_restore"
    refusals.refuse_shared(WISH, LEFT, {}, [Ledger("kind", "boot", {}, {"kind-worker": Loan(LEFT, 8, 1)})])


def test_function_that_a_pod_holds_forbids_another_count(sysfs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nics_pods, "names", lambda: {"a-b-c": "cpufunc-sample/calcapp-sriov-1"})
    world = card.world(lambda found: POD if found["ifname"] == "ens9f0v2" else HOST)
    with pytest.raises(Problem, match=r"ens9f0v2 \(0000:17:00.4\) is in pod cpufunc-sample/calcapp-sriov-1"):
        lending._refuse_held(replace(WISH, num_vfs=4), function(LEFT), world)


def test_where_the_card_is_not_the_offer_is_named(sysfs: Path) -> None:
    with pytest.raises(Problem, match="enp1s0 is not there; cards with SR-IOV here: ens9f0np0, ens9f1np1"):
        lending._find_card(replace(WISH, interface="enp1s0"), card.world(), None)


def test_card_that_something_else_moved_in_is_found() -> None:
    world = card.world(lambda found: NODE if found["ifname"] == "ens9f0np0" else HOST)
    place, found = lending._find_card(WISH, world, None)
    assert (place.node, found.bdf) == ("kind-worker", LEFT)


def test_card_in_a_namespace_of_others_is_refused_with_its_place(
    sysfs: Path, ledgers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nics_pods, "names", lambda: {"a-b-c": "cpufunc-sample/calcapp-sriov-1"})
    monkeypatch.setattr(host_namespaces, "lifelines", dict)
    world = card.world(lambda found: POD if found["ifname"] == "ens9f0np0" else HOST)
    found = lending._find_card(WISH, world, None)
    with pytest.raises(Problem, match="ens9f0np0 is in pod cpufunc-sample/calcapp-sriov-1, not on the host"):
        lending._checked(WISH, found, (), world, None)


def test_another_interface_while_one_is_lent_is_refused() -> None:
    ledger = Ledger("kind", "boot", {LEFT: record("ens9f0np0")}, {"kind-worker": Loan(LEFT, 8, NODE)})
    with pytest.raises(Problem, match=r"SRIOV_PF_IF_1: is ens9f1np1, but kind-worker has ens9f0np0"):
        lending._find_card(replace(WISH, interface="ens9f1np1"), card.world(), ledger)


def test_lent_card_is_found_under_any_name(sysfs: Path) -> None:
    ledger = Ledger("kind", "boot", {LEFT: record("ens9f0np0")}, {"kind-worker": Loan(LEFT, 8, NODE)})
    host = card.world().host
    renamed = tuple(replace(found, name="dev12") if found.bdf == LEFT else found for found in host.links)
    world = host_namespaces.World((replace(host, links=renamed), *card.world().namespaces[1:]))
    assert lending._find_card(WISH, world, ledger)[1].name == "dev12"


def test_other_card_in_the_slot_is_noticed(sysfs: Path) -> None:
    with pytest.raises(Problem, match=r"the ledger knows ens9f0np0 \(8086:1572\) there, but there is a card 15b3:1019"):
        presence.refuse_other_card(record("ens9f0np0", identity="8086:1572"))


def test_node_that_does_not_run() -> None:
    with pytest.raises(Problem, match="kind-worker2: its container does not run"):
        lending._node_of(OTHER, card.world())


# What a node lacks


def pod(phase: str, bdf: str, mac: str = "") -> dict[str, Any]:
    """Return a pod that was given a virtual function, as Multus writes it down."""
    status = [
        {"name": "pod-network", "interface": "eth0", "default": True},
        {"name": "sriov", "interface": "net1", "mac": mac, "device-info": {"pci": {"pci-address": bdf}}},
    ]
    annotations = {"k8s.v1.cni.cncf.io/network-status": json.dumps(status)}
    return {
        "metadata": {"name": "calcapp", "namespace": "a", "annotations": annotations}, "status": {"phase": phase}
    }  # fmt: skip


class Pods:
    """The API as far as pods are asked of it; none where there are no pods to tell."""

    def __init__(self, pods: list[dict[str, Any]] | None) -> None:
        self.pods = pods

    def list(self, _: object) -> list[dict[str, Any]]:
        if self.pods is None:
            raise Problem("the API does not answer")
        return self.pods


def lent(**changes: Any) -> Ledger:
    names = {link.bdf: link.name for link in card.world().host.links if link.name.startswith("ens9f0")}
    loan = replace(Loan(LEFT, 8, NODE, names), **changes)
    return Ledger("kind", "boot", {LEFT: record("ens9f0np0")}, {"kind-worker": loan})


def inside(world: host_namespaces.World) -> host_namespaces.World:
    """Return a world in which the card in the node is up and has its address."""
    address = {"family": "inet", "local": "192.168.20.2", "prefixlen": 24}
    spaces = [
        replace(
            space, links=tuple(replace(one, addresses=(address,)) if one.bdf == LEFT else one for one in space.links)
        )
        for space in world.namespaces
    ]
    return host_namespaces.World(tuple(spaces))


def in_node(found: dict[str, Any]) -> int:
    return NODE if found["ifname"].startswith("ens9f0") else HOST


@pytest.mark.parametrize(
    ("ledger", "world", "wish", "lack"),
    [
        (lent(), inside(card.world(in_node)), WISH, []),
        (lent(), inside(card.world(lambda f: POD if f["ifname"] == "ens9f0v2" else in_node(f))), WISH, ["ens9f0v2"]),
        (lent(), inside(card.world(lambda f: HOST if f["ifname"] == "ens9f0v2" else in_node(f))), WISH, ["ens9f0v2"]),
        (lent(), card.world(in_node), WISH, ["is not up with 192.168.20.2/24"]),
        (lent(namespace=1), card.world(in_node), WISH, ["restarted since it got its card"]),
        (lent(names={}), card.world(in_node), WISH, ["has no ens9f0np0 yet"]),
        (lent(), card.world(in_node), replace(WISH, num_vfs=4), ["virtual functions: 8 -> 4"]),
        (lent(), card.world(in_node), replace(WISH, interface="ens9f1np1"), ["card: ens9f0np0 -> ens9f1np1"]),
        (None, card.world(), WISH, ["has no ens9f0np0 yet"]),
    ],
    ids=["nothing", "in a pod", "astray", "no address", "restarted", "not moved yet", "count", "card", "no ledger"],
)
def test_what_a_node_lacks_is_said(  # noqa: PLR0913, PLR0917
    sysfs: Path,
    monkeypatch: pytest.MonkeyPatch,
    ledger: Ledger | None,
    world: host_namespaces.World,
    wish: Wish,
    lack: list[str],
) -> None:
    monkeypatch.setattr(nics_ledger, "load", lambda _: ledger)
    monkeypatch.setattr(udev, "in_force", lambda _: True)
    # As the check looks: into the host's and the nodes' namespaces, and further where something is not in them.
    monkeypatch.setattr(
        host_namespaces,
        "survey",
        lambda _, everywhere=False: world if everywhere else host_namespaces.World(world.namespaces[:2]),
    )
    with reasons.heard() as said:
        assert lending.is_lent_to(wish, {}) is (said.reasons == [])
    if world.namespaces[2].links:
        assert said.reasons == [], "what a pod holds is not astray"
    else:
        assert all(part in line for part, line in zip(lack, said.reasons, strict=True)), said.reasons


def left_over(found: dict[str, Any]) -> int:
    return POD if found["ifname"] == "ens9f0v2" else in_node(found)


ENDED = host_namespaces.Namespace(POD, "/proc/100/root/run/netns/cni-1")


@pytest.mark.parametrize(
    ("pods", "astray"),
    [
        ([], True),
        ([pod("Running", "0000:17:00.4")], False),
        ([pod("Pending", "0000:17:00.5", mac="0A:00:00:00:00:02")], False),
        ([pod("Running", "0000:17:00.5")], True),
        ([pod("Succeeded", "0000:17:00.4")], True),
        ([{"metadata": {"name": "plain", "namespace": "a"}, "status": {"phase": "Running"}}], True),
        (None, False),
    ],
    ids=["no pod", "its pod", "its pod by MAC", "another's", "ended", "no annotation", "no cluster answers"],
)
def test_function_in_a_namespace_without_process_is_brought_back_unless_a_pod_has_it(
    sysfs: Path, monkeypatch: pytest.MonkeyPatch, pods: list[dict[str, Any]] | None, *, astray: bool
) -> None:
    monkeypatch.setattr(kube_api, "cluster", lambda: Pods(pods))
    host, node, there = card.world(left_over).namespaces
    world = host_namespaces.World((host, node, replace(ENDED, links=there.links)))
    assert lending._is_astray("0000:17:00.4", world, node) is astray


def test_function_in_no_namespace_is_lost_unless_a_virtual_machine_has_it(sysfs: Path) -> None:
    world = host_namespaces.World(card.world(left_over).namespaces[:2])
    node = world.namespaces[1]
    assert lending._is_astray("0000:17:00.4", world, node)
    driver = pci.folder("0000:17:00.4", sysfs) / "driver"
    driver.unlink()
    driver.symlink_to("../../../../bus/pci/drivers/vfio-pci")
    assert not lending._is_astray("0000:17:00.4", world, node)


def test_function_in_another_node_is_brought_back(sysfs: Path) -> None:
    host, node, there = card.world(left_over).namespaces
    world = host_namespaces.World(
        (host, node, host_namespaces.Namespace(POD, "/proc/9/ns/net", node="kind-worker2", links=there.links))
    )
    assert lending._is_astray("0000:17:00.4", world, node)


# The ledger


def test_ledger_survives_its_file(ledgers: Path) -> None:
    ledger = Ledger(
        "kind",
        "boot",
        {LEFT: record("ens9f0np0", addresses=({"family": "inet", "local": "10.0.0.1", "prefixlen": 24},))},
        {"kind-worker": Loan(LEFT, 8, NODE, {LEFT: "ens9f0np0"})},
    )
    nics_ledger.save(ledger)
    assert nics_ledger.load("kind") == ledger
    assert list(nics_ledger.all_ledgers()) == [ledger]
    nics_ledger.drop("kind")
    assert nics_ledger.load("kind") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', '{"version": 99, "cluster": "kind"}'])
def test_broken_ledger_is_one_line(ledgers: Path, text: str) -> None:
    ledgers.mkdir()
    (ledgers / "kind.json").write_text(text)
    with pytest.raises(Problem, match=r"kind\.json: not a ledger of this tool"):
        nics_ledger.load("kind")


def test_first_record_of_a_device_is_the_one_that_counts() -> None:
    ledger = Ledger("kind", "boot", {LEFT: record("ens9f0np0")})
    later = ledger.with_loan("kind-worker", Loan(LEFT, 8, NODE), (record("ens9f0np0", mtu=9000), record("ens9f1np1")))
    assert later.devices[LEFT].mtu == 1500
    assert RIGHT in later.devices


def test_addresses_that_others_make_again_are_not_recorded() -> None:
    mac = "0c:42:a1:00:00:20"
    infos = (
        {"family": "inet", "local": "10.0.0.1", "prefixlen": 24, "scope": "global", "valid_life_time": 4294967295},
        {"family": "inet", "local": "10.0.0.9", "prefixlen": 24, "dynamic": True},
        {"family": "inet6", "local": "fe80::e42:a1ff:fe00:20", "prefixlen": 64, "scope": "link"},
        {"family": "inet6", "local": "fe80::1234", "prefixlen": 64, "scope": "link", "protocol": "kernel_ll"},
        {"family": "inet6", "local": "fe80::1", "prefixlen": 64, "scope": "link"},
    )
    found = nics_ledger.lasting_addresses(host_namespaces.Link("x", mac=mac, addresses=infos))
    assert [info["local"] for info in found] == ["10.0.0.1", "fe80::1"]
    assert "valid_life_time" not in found[0]


def test_capture_takes_every_field(sysfs: Path) -> None:
    through = {"family": "inet", "dev": "ens9f0np0"}
    routes = (
        {**through, "dst": "10.5.0.0/16", "gateway": "10.0.0.254", "protocol": "static", "flags": []},
        {**through, "dst": "10.0.0.0/24", "protocol": "kernel"},
        {**through, "family": "inet6", "dst": "2001:db8::/64", "protocol": "ra"},
        {**through, "dst": "10.7.0.0/16", "dev": "eno8303"},
    )
    found = nics_ledger.capture(function(LEFT), link("ens9f0np0"), routes)
    assert (found.identity, found.driver, found.num_vfs, found.up) == ("15b3:1019", "mlx5_core", 8, True)
    assert found.permanent_mac == "0c:42:a1:00:00:20"
    assert [route["dst"] for route in found.routes] == ["10.5.0.0/16"]
    assert found.altnames == ("enp23s0f0np0",)


def test_virtual_function_without_interface_is_recorded(sysfs: Path) -> None:
    found = nics_ledger.capture(function("0000:17:00.2"), None)
    assert (found.name, found.physical_function, found.num_vfs) == ("", LEFT, None)


def test_differences_name_device_and_field() -> None:
    was = record("ens9f0np0")
    assert nics_ledger.differences(was, was) == []
    assert nics_ledger.differences(was, replace(was, mtu=9000, up=False)) == [
        "0000:17:00.0 ens9f0np0: mtu was 1500, is 9000",
        "0000:17:00.0 ens9f0np0: up was True, is False",
    ]


def test_lists_and_tuples_are_no_difference() -> None:
    was = record("ens9f0np0", addresses=({"family": "inet", "local": "10.0.0.1", "prefixlen": 24},))
    from_file = Record(**nics_ledger._tuples(json.loads(json.dumps(asdict(was)))))
    assert nics_ledger.differences(from_file, was) == []


def test_address_that_a_function_gave_itself_is_no_prescription() -> None:
    macs = [f"0a:00:00:00:00:{number:02x}" for number in range(8)]
    was = record("ens9f0np0")
    reported = tuple({**setting, "address": macs[setting["vf"]]} for setting in was.vf_settings)
    alike = nics_ledger.without_reports(link("ens9f0np0", vf_settings=reported), was, macs)
    assert alike.vf_settings == was.vf_settings
    foreign = ({**was.vf_settings[0], "address": "02:00:00:00:00:99"}, *was.vf_settings[1:])
    left = nics_ledger.without_reports(link("ens9f0np0", vf_settings=foreign), was, macs)
    assert left.vf_settings == foreign


# Orders


def test_count_goes_through_zero() -> None:
    file = "/sys/bus/pci/devices/0000:17:00.0/sriov_numvfs"
    assert words(nics_steps.set_count(LEFT, 8, 8)) == []
    assert words(nics_steps.set_count(LEFT, 0, 8)) == [f"{file} = 8"]
    assert words(nics_steps.set_count(LEFT, 8, 4)) == [f"{file} = 0", f"{file} = 4"]
    assert words(nics_steps.set_count(LEFT, 8, 0)) == [f"{file} = 0"]


def test_altnames_come_off_before_a_move() -> None:
    host, node, _ = card.world().namespaces
    assert words(nics_steps.move(link("ens9f0v0"), host, node)) == [
        "link property del dev ens9f0v0 altname enp23s0f0v0",
        f"link set dev ens9f0v0 netns @{NODE}",
    ]


def test_move_to_where_the_name_is_taken_goes_under_the_pci_address() -> None:
    host, node, _ = card.world().namespaces
    taken = replace(node, links=(host_namespaces.Link("uplink", altnames=("ens9f0v0",)),))
    assert words(nics_steps.move(link("ens9f0v0", altnames=()), host, taken)) == [
        "link set dev ens9f0v0 down",
        "link set dev ens9f0v0 name ok000017002",
        f"link set dev ok000017002 netns @{NODE}",
    ]


def test_move_from_a_pod_goes_under_the_pci_address_since_pods_call_theirs_alike() -> None:
    host, _, pod = card.world().namespaces
    assert words(nics_steps.move(link("ens9f0v0", name="net1", altnames=()), pod, host)) == [
        "link set dev net1 down",
        "link set dev net1 name ok000017002",
        f"link set dev ok000017002 netns @{HOST}",
    ]


@pytest.mark.parametrize("bdf", ["0000:17:00.2", "10000:01:00.7", "ffff:ff:1f.7"])
def test_temporary_names_fit_the_kernel(bdf: str) -> None:
    assert len(nics_steps.temporary_name(bdf)) <= 15


def test_what_is_as_it_was_gets_no_order() -> None:
    assert nics_steps.give_back_fields(record("ens9f0np0"), link("ens9f0np0"), HOST) == []
    assert nics_steps.make_way(record("ens9f0np0"), link("ens9f0np0"), HOST) == []


def test_device_that_came_back_under_another_name_gets_everything_back() -> None:
    was = record(
        "ens9f0np0",
        addresses=(
            {"family": "inet", "local": "10.0.0.1", "prefixlen": 24, "broadcast": "10.0.0.255", "scope": "global"},
            {"family": "inet", "local": "10.1.0.1", "address": "10.1.0.2", "prefixlen": 32, "label": "ens9f0np0:p"},
            {"family": "inet6", "local": "2001:db8::1", "prefixlen": 64, "scope": "global", "nodad": True},
        ),
        routes=(
            {"family": "inet", "type": "unicast", "dst": "10.5.0.0/16", "gateway": "10.0.0.254", "protocol": "static"},
            {"family": "inet", "dst": "10.6.0.0/16", "via": {"family": "inet6", "host": "fe80::1"}, "metric": 5},
        ),
        mtu=9000,
    )
    now = link("ens9f0np0", name="dev7", altnames=(), mac="02:00:00:00:00:01", up=False, addresses=())
    orders = [*nics_steps.give_back_fields(was, now, HOST), *nics_steps.give_back_routes(was, (), HOST)]
    assert words(orders) == [
        "link set dev dev7 down",
        "link set dev dev7 name ens9f0np0",
        "link set dev ens9f0np0 down",
        "link set dev ens9f0np0 address 0c:42:a1:00:00:20",
        "link set dev ens9f0np0 mtu 9000",
        "link property add dev ens9f0np0 altname enp23s0f0np0",
        "link set dev ens9f0np0 up",
        "address replace 10.0.0.1/24 broadcast 10.0.0.255 scope global dev ens9f0np0",
        "address replace 10.1.0.1 peer 10.1.0.2/32 label ens9f0np0:p dev ens9f0np0",
        "address replace 2001:db8::1/64 scope global nodad dev ens9f0np0",
        "-family inet route append unicast 10.5.0.0/16 proto static via 10.0.0.254 dev ens9f0np0",
        "-family inet route append 10.6.0.0/16 metric 5 via inet6 fe80::1 dev ens9f0np0",
    ]


def test_surplus_addresses_go() -> None:
    info = {"family": "inet", "local": "192.168.20.2", "prefixlen": 24}
    now = link("ens9f0np0", addresses=(info,))
    assert words(nics_steps.give_back_fields(record("ens9f0np0"), now, HOST)) == [
        "address del 192.168.20.2/24 dev ens9f0np0"
    ]


def test_surplus_addresses_go_before_the_device_goes_down() -> None:
    info = {"family": "inet6", "local": "2001:db8::9", "prefixlen": 64}
    now = link("ens9f0np0", name="dev7", altnames=("enp23s0f0np0",), addresses=(info,))
    assert words(nics_steps.give_back_fields(record("ens9f0np0"), now, HOST)) == [
        "address del 2001:db8::9/64 dev dev7",
        "link set dev dev7 down",
        "link set dev dev7 name ens9f0np0",
        "link set dev ens9f0np0 up",
    ]


def test_addresses_in_another_order_are_taken_off_backwards() -> None:
    one, two = ({"family": "inet", "local": f"10.0.0.{number}", "prefixlen": 24} for number in (1, 2))
    now = link("ens9f0np0", addresses=(two, one))
    assert words(nics_steps.give_back_fields(record("ens9f0np0", addresses=(one, two)), now, HOST)) == [
        "address del 10.0.0.1/24 dev ens9f0np0",
        "address del 10.0.0.2/24 dev ens9f0np0",
        "address replace 10.0.0.1/24 dev ens9f0np0",
        "address replace 10.0.0.2/24 dev ens9f0np0",
    ]


def test_name_that_udev_made_an_altname_is_taken_off_first() -> None:
    now = link("ens9f0v0", name="dev9", altnames=("ens9f0v0", "enp23s0f0v0"))
    assert words(nics_steps.take_name(now, HOST, "ens9f0v0")) == [
        "link property del dev dev9 altname ens9f0v0",
        "link set dev dev9 down",
        "link set dev dev9 name ens9f0v0",
    ]


def test_prescriptions_for_functions_come_back() -> None:
    was = record("ens9f0np0")
    changed = {
        "address": "02:00:00:00:00:99", "vlan_list": [{"vlan": 7, "qos": 2}], "trust": True, "spoofchk": True,
        "link_state": "enable", "rate": {"max_tx": 100, "min_tx": 0},
    }  # fmt: skip
    now = link("ens9f0np0", vf_settings=({**was.vf_settings[0], **changed}, *was.vf_settings[1:]))
    assert words(nics_steps.give_back_fields(was, now, HOST)) == [
        "link set dev ens9f0np0 vf 0 mac 00:00:00:00:00:00",
        "link set dev ens9f0np0 vf 0 state auto",
        "link set dev ens9f0np0 vf 0 spoofchk off",
        "link set dev ens9f0np0 vf 0 trust off",
        "link set dev ens9f0np0 vf 0 max_tx_rate 0",
        "link set dev ens9f0np0 vf 0 vlan 0 qos 0",
    ]


def test_driver_comes_back() -> None:
    folder = "/sys/bus/pci/devices/0000:17:00.2"
    assert words(nics_steps.bind("0000:17:00.2", "mlx5_core", "mlx5_core")) == []
    assert words(nics_steps.bind("0000:17:00.2", "mlx5_core", "vfio-pci")) == [
        f"{folder}/driver/unbind = 0000:17:00.2",
        f"{folder}/driver_override = vfio-pci",
        "/sys/bus/pci/drivers_probe = 0000:17:00.2",
        f"{folder}/driver_override = \n",
    ]
    assert words(nics_steps.bind("0000:17:00.2", "vfio-pci", "")) == [f"{folder}/driver/unbind = 0000:17:00.2"]


@pytest.mark.parametrize("step", [*nics_steps.bind("0000:17:00.2", "a", "b"), *nics_steps.set_count(LEFT, 8, 4)])
def test_helper_accepts_every_file_that_is_ordered(step: nics_steps.Step) -> None:
    assert nic_root._WRITABLE.fullmatch(step["write"])


# Giving back


def test_device_that_cannot_be_moved_keeps_no_other_away(sysfs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = card.world(in_node)
    moved: list[str] = []

    def change(_: host_namespaces.World, steps: list[nics_steps.Step]) -> None:
        name = steps[-1]["ip"][3]
        if name == "ens9f0v2":
            raise Problem("ip link set dev ens9f0v2: RTNETLINK answers: Device or resource busy")
        moved.append(name)

    monkeypatch.setattr(host_namespaces, "survey", lambda **_: world)
    monkeypatch.setattr(host_namespaces, "change", change)
    left = restoring._bring_home(lent())
    assert left == ["0000:17:00.4: ip link set dev ens9f0v2: RTNETLINK answers: Device or resource busy"]
    assert moved == ["ens9f0np0", *(f"ens9f0v{number}" for number in range(8) if number != 2)]


def test_name_that_another_card_has_is_told_with_its_holder() -> None:
    host = replace(
        card.world().host,
        links=(link("ens9f0np0", name="dev4", altnames=()), host_namespaces.Link("ens9f0np0", bdf="0000:31:00.0")),
    )
    assert restoring._holders(record("ens9f0np0"), host_namespaces.World((host,))) == [
        "0000:17:00.0: its name ens9f0np0 is that of ens9f0np0 (0000:31:00.0)"
    ]


def test_card_that_became_a_lifeline_is_left_as_it_is(sysfs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_namespaces, "survey", lambda **_: card.world())
    monkeypatch.setattr(host_namespaces, "routes", tuple)
    monkeypatch.setattr(host_namespaces, "lifelines", lambda: {"ens9f0np0": "the default route goes through it"})
    ledger = Ledger("kind", "boot", {LEFT: record("ens9f0np0")})
    restoring._refuse_new_lifeline(record("ens9f0np0"), ledger)
    with pytest.raises(Problem, match="ens9f0np0 is left as it is: the default route") as caught:
        restoring._refuse_new_lifeline(record("ens9f0np0", mtu=9000), ledger)
    assert "mtu was 9000, is 1500" in caught.value.details


def test_card_that_carries_a_bridge_by_now_is_left_and_its_cluster_goes(
    sysfs: Path, ledgers: Path, choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch, said: Lines
) -> None:
    choose()
    nics_ledger.save(Ledger("kind", "boot", {LEFT: record("ens9f0np0", mtu=9000)}))
    host = card.world().host
    links = tuple(replace(one, master="br0") if one.bdf == "0000:17:00.4" else one for one in host.links)
    monkeypatch.setattr(host_namespaces, "survey", lambda **_: host_namespaces.World((replace(host, links=links),)))
    monkeypatch.setattr(host_namespaces, "routes", tuple)
    monkeypatch.setattr(host_namespaces, "lifelines", dict)
    monkeypatch.setattr(restoring, "_restored", lambda _: pytest.fail("it was touched"))
    cards.let_go("kind")
    assert "ens9f0v2 is left as it is: it is a member of br0" in said.kept[-1]
    assert nics_ledger.load("kind") is not None


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another checkout on this machine."""
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "dodo.py").touch()
    return folder


def test_ledger_of_another_checkout_is_left_to_it(
    ledgers: Path, other: Path, choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch, said: Lines
) -> None:
    choose()
    theirs = replace(lent(), checkout=str(other))
    nics_ledger.save(theirs)
    monkeypatch.setattr(restoring, "give_back", lambda _: pytest.fail("it was given back"))
    cards.restore("kind")
    cards.let_go("kind")
    assert said.kept == 2 * [f"Left to {other}: the network cards that its cluster kind has borrowed."]
    with pytest.raises(Problem, match=rf"CLUSTER_NAME: cluster kind of {other} has network cards") as caught:
        lending.lend_to(WISH, (), {})
    assert caught.value.hint == f"another CLUSTER_NAME; or cd {other} and ./doit nics_restore"
    with reasons.heard() as heard:
        assert not lending.is_lent_to(WISH, {})
    assert f"its ledger is of {other}" in heard.reasons[0]
    assert nics_ledger.load("kind") == theirs


def test_what_a_checkout_that_is_gone_had_lent_is_given_back(
    ledgers: Path, other: Path, choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose()
    nics_ledger.save(replace(lent(), checkout=str(other)))
    (other / "dodo.py").unlink()
    given: list[str] = []
    monkeypatch.setattr(restoring, "give_back", given.append)
    cards.restore("kind")
    assert given == ["kind"]


def test_one_run_of_the_machine_lends_at_a_time(
    ledgers: Path, choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose()
    nics_ledger.save(lent())

    def give_back(_: str) -> None:
        with (ledgers / ".run.lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    monkeypatch.setattr(restoring, "give_back", give_back)
    cards.restore("kind")


def returned(monkeypatch: pytest.MonkeyPatch, ledger: Ledger, left: list[str], world: host_namespaces.World) -> None:
    """Have everything been tried to give back a ledger's devices, and something be left."""
    nics_ledger.save(ledger)
    monkeypatch.setattr(restoring, "_refuse_new_lifeline", lambda *_: None)
    monkeypatch.setattr(restoring, "_restored", lambda _: left)
    monkeypatch.setattr(presence, "refuse_other_card", lambda _: None)
    monkeypatch.setattr(host_namespaces, "survey", lambda *_, **__: world)


def test_a_cluster_goes_once_every_device_is_on_the_host_and_what_differs_is_said(
    sysfs: Path, ledgers: Path, choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch, said: Lines
) -> None:
    choose()
    returned(monkeypatch, lent(), [f"{LEFT} ens9f0np0: lost the route 10.52.0.0/16"], card.world())
    cards.let_go("kind")
    assert f"{LEFT} ens9f0np0: lost the route 10.52.0.0/16" in said.kept[-1]
    assert f"sudo rm {ledgers / 'kind.json'}" in said.kept[-1]
    left = nics_ledger.load("kind")
    assert left == replace(lent(), home=True)
    assert udev.rule(left) == ""
    with pytest.raises(Problem, match="on the host again, but not as they were"):
        cards.restore("kind")


def test_a_cluster_stays_while_a_device_is_not_on_the_host(
    sysfs: Path, ledgers: Path, choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose()
    world = card.world(lambda found: NODE if found["ifname"] == "ens9f0np0" else HOST)
    returned(monkeypatch, lent(), ["busy"], world)
    with pytest.raises(Problem, match=f"lent network cards are not back: {LEFT}"):
        cards.let_go("kind")


@pytest.mark.parametrize("failing", [False, True], ids=["given back", "not given back"])
def test_cards_go_back_before_the_nodes_go(
    choose: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: bool
) -> None:
    choose()
    order: list[str] = []

    def restore(cluster: str) -> None:
        order.append(f"cards of {cluster}")
        if failing:
            raise Problem("a card is not as it was")

    monkeypatch.setattr(cards, "restore", restore)
    engine = Containers()
    engine.add("kind-worker", "kind", ours())
    monkeypatch.setattr(lease, "give_back", lambda _: None)
    monkeypatch.setattr(client, "client", engine.client)
    monkeypatch.setattr(client, "socket", lambda: "unix:///run/docker.sock")
    monkeypatch.setattr(kind, "delete", lambda name, **_: order.append(f"nodes of {name}"))
    monkeypatch.setattr(paths, "cluster_dir", lambda _: tmp_path / "none")
    if failing:
        with pytest.raises(Problem, match="a card is not as it was"):
            removal.delete()
    else:
        removal.delete()
    assert order == (["cards of kind"] if failing else ["cards of kind", "nodes of kind"])


# The rule, the parameters, the scheduler


def test_rule_names_each_lent_device_and_covers_its_return() -> None:
    ledger = Ledger("kind", "boot", {}, {"kind-worker": Loan(LEFT, 8, NODE, {LEFT: "ens9f0np0", "0000:17:00.2": "v"})})
    lines = [line for line in udev.rule(ledger).splitlines() if not line.startswith("#")]
    assert len(lines) == 2
    assert all("move" in line and 'NM_UNMANAGED}="1"' in line for line in lines)
    assert 'KERNELS=="0000:17:00.2"' in lines[1]


def test_missing_rule_is_complained_about(ledgers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "UDEV_RULES", tmp_path / "udev" / "rules.d")
    nics_ledger.save(Ledger("kind", "boot", {}, {"kind-worker": Loan(LEFT, 8, NODE, {LEFT: "ens9f0np0"})}))
    assert udev.complaints() == [], "a machine without udev needs no rule"
    (tmp_path / "udev").mkdir()
    assert "kind.rules is missing or differs" in udev.complaints()[0]


def test_parameters_say_which_card_each_worker_gets(choose: Callable[..., None]) -> None:
    choose(CLUSTER_NAME="lab", SRIOV_NUM_VFS="4")
    asked = nics_wish.wishes()
    assert asked["kind-worker"].node == "lab-worker"
    assert asked["kind-worker2"].interface == "ens9f1np1"
    assert asked["kind-worker2"].pattern == "ens9f1.*"
    assert asked["kind-worker"].address == "192.168.20.2/24"
    assert asked["kind-worker"].num_vfs == 4


def test_nothing_is_asked_where_nothing_is_lent(
    ledgers: Path, choose: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose()

    def called(*_: object, **__: object) -> None:
        raise AssertionError("root was asked")

    monkeypatch.setattr(host_namespaces, "call", called)
    cards.restore("kind")
    assert cards.nothing_lent("kind")
    assert not cards.is_lent("kind-worker")


class Api:
    """The API as far as the scheduler's resources are asked of it."""

    def __init__(self, plugin: bool, allocatable: list[str]) -> None:
        self.plugin, self.allocatable = plugin, allocatable

    def list(self, kind: manifests.Kind, *_: str) -> list[dict[str, Any]]:
        name = "kube-sriov-device-plugin" if self.plugin else "kube-proxy"
        labels = {"matchLabels": {"name": name}}
        item = {"metadata": {"name": name, "namespace": "kube-system"}, "spec": {"selector": labels}}
        return [item] if kind == manifests.DAEMON_SET else []

    def get(self, _: object, __: str) -> dict[str, Any]:
        count = self.allocatable.pop(0) if len(self.allocatable) > 1 else self.allocatable[0]
        return {"status": {"allocatable": {settings.RESOURCE: count}}}


def test_functions_are_awaited_where_the_plugin_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(plugin=True, allocatable=["0", "7", "8"])
    monkeypatch.setattr(kube_api, "cluster", lambda: api)
    nics_pods.await_allocatable({"kind-worker": 8})
    assert api.allocatable == ["8"]


def test_functions_are_not_awaited_without_a_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_api, "cluster", lambda: Api(plugin=False, allocatable=["0"]))
    nics_pods.await_allocatable({"kind-worker": 8})


def test_plugin_that_sees_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_api, "cluster", lambda: Api(plugin=True, allocatable=["3"]))
    monkeypatch.setattr(settings, "ALLOCATABLE_DEADLINE", 0.1)
    with pytest.raises(Problem, match=r"node kind-worker: 8 allocatable .*; last seen: 3") as caught:
        nics_pods.await_allocatable({"kind-worker": 8})
    assert caught.value.hint == "kubectl -n kube-system logs daemonset/kube-sriov-device-plugin"
