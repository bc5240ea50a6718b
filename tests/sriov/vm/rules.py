"""The udev rule, the way back by hand, and the status."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from tasks.engines import nic_root
from tasks.nics import ledger as nics_ledger
from tasks.nics import status as nics_status
from tasks.nics import udev
from tasks.nics.machine import Machine
from tasks.nics.restoring import give_back
from tasks.settings.nics import UDEV_RULES
from tests.sriov.vm.world import (
    CLUSTER,
    LEFT,
    README,
    RIGHT,
    assert_same,
    container,
    functions,
    hand_over,
    ip,
    lack_of,
    lend,
    links,
    name_of,
    properties,
    snapshot,
    undress,
    until,
    wish,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def rule_keeps_network_managers_away() -> None:
    before = snapshot(LEFT)
    with container() as node:
        asked = lend(node)
        stray = functions(LEFT)[2]
        ip("link", "set", "dev", links(node)[stray]["ifname"], "netns", "1", namespace=node)
        until(lambda: "NM_UNMANAGED=1" in properties(stray), "udev marks what comes back, by its `move` event")
        rule = next(UDEV_RULES.glob("*openkasugai*"))
        rule.unlink()
        assert udev.complaints(UDEV_RULES), "a rule that is gone is noticed"
        assert lack_of(asked, Machine({asked.node: node}))
        lend(node, asked)
        assert not udev.complaints(UDEV_RULES)
        give_back(CLUSTER)
        assert not rule.exists()
        assert "NM_UNMANAGED=1" not in properties(LEFT), "what is given back is managed again"
    assert_same(before, LEFT)
    undress()


def rule_is_there_before_the_functions() -> None:
    """The properties that a network manager reads when a device appears are set by then."""
    before = snapshot(LEFT)
    order: list[str] = []
    for name, function in list(nic_root.FUNCTIONS.items()):
        nic_root.FUNCTIONS[name] = noting(order, name, function)
    with container() as node:
        lend(node, wish(num_vfs=4))
        assert order.index("keep_ledger") < order.index("keep_rule") < order.index("change"), order
        text = next(UDEV_RULES.glob("*openkasugai*")).read_text(encoding="utf-8")
        assert all(bdf in text for bdf in functions(LEFT))
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def noting(order: list[str], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(**arguments: Any) -> Any:
        order.append(name)
        return function(**arguments)

    return call


def way_back_by_hand() -> None:
    """The commands of README.md for a machine without the tool: unchanged except for names and values."""
    name = name_of(LEFT)
    ip("link", "set", "dev", name, "mtu", "1600", "up")
    ip("address", "add", "10.9.1.1/24", "dev", name)
    before = snapshot(LEFT)
    with container() as node:
        lend(node)
        record = json.loads(nics_ledger.path(CLUSTER).read_text(encoding="utf-8"))["devices"][LEFT]
        address = record["addresses"][0]
        commands = README.read_text(encoding="utf-8").partition("**By hand**")[2].split("\n\n")[1]
        assert len(commands.strip().splitlines()) == 3, commands
        for shown, actual in (
            ("ens9f0np0", record["name"]),
            ("0000:17:00.0", LEFT),
            ("echo 0", f"echo {record['num_vfs']}"),
            ("mtu 1500", f"mtu {record['mtu']}"),
            ("10.0.0.5/24", f"{address['local']}/{address['prefixlen']}"),
        ):
            assert shown in commands, shown
            commands = commands.replace(shown, actual)
        # Docker and sudo are not available here, and not needed.
        stand_ins = f'set -e; sudo() {{ "$@"; }}; docker() {{ echo {node}; }}\n'
        subprocess.run(["/bin/busybox", "sh", "-c", stand_ins + commands], check=True)
        assert_same(before, LEFT)
        # The tool only has to close the ledger.
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def status_names_every_place() -> None:
    before = snapshot(LEFT, RIGHT)
    with container() as node, container() as pod:
        asked = lend(node)
        held, stray = functions(LEFT)[1:3]
        hand_over(held, node, pod)
        ip("link", "set", "dev", links(node)[stray]["ifname"], "netns", "1", namespace=node)
        rows = nics_status.rows((asked, wish("kind-worker2")), Machine({asked.node: node}))
        places = {row.device: row.place for row in rows}
        assert places[LEFT] == "in kind-worker"
        assert places[held] == f"in the namespace of process {pod} (busybox)"
        assert places[stray] == "on the host"
        assert places[RIGHT] == "on the host"
        assert {row.lent_to for row in rows if row.device != RIGHT} == {"kind-worker"}
        assert len(nics_status.table(rows).splitlines()) == len(rows) + 1
        give_back(CLUSTER)
    assert_same(before, LEFT, RIGHT)
    undress()
