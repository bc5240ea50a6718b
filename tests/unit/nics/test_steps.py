"""The steps that move a device or set its fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.engines import nic_root
from tasks.engines.host import namespaces as host_namespaces
from tasks.nics import steps as nics_steps
from tests.unit.connectx5 import card
from tests.unit.connectx5.card import HOST, LEFT, NODE
from tests.unit.nics.world import link, record, words


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
