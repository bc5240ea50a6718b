"""The original state of each device, as the ledger keeps it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from tasks.engines.files.ledgers import RUN_LOCK
from tasks.engines.host import namespaces as host_namespaces
from tasks.nics import ledger as nics_ledger
from tasks.nics.ledger import Ledger, Loan, Record
from tasks.problems import Problem
from tests.unit.connectx5.card import LEFT, NODE, RIGHT
from tests.unit.nics.world import function, link, record

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.programs import Programs


# The request that makes the lock of a run.
ASKED = '{"call": "keep_run_lock", "arguments": {}}'


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
    ledgers.mkdir(parents=True)
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


def test_a_run_makes_its_lock_where_there_is_none(ledgers: Path) -> None:
    with nics_ledger.alone():
        assert (ledgers / RUN_LOCK).stat().st_mode & 0o777 == 0o644


def test_sudo_runs_the_one_part_that_a_rule_may_allow(
    ledgers: Path, act_as: Callable[[int], None], programs: Programs
) -> None:
    programs.write(
        "sudo",
        f"grep -q '{ASKED}' || exit 1; mkdir -p '{ledgers}'; : >'{ledgers / RUN_LOCK}'; echo '{{\"result\": null}}'",
    )
    act_as(1000)
    with nics_ledger.alone():
        pass
    assert programs.calls == [["sudo", "-n", sys.executable, "-m", "tasks.engines.nic_root"]]
