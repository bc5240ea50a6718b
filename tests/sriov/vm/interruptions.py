"""Lending and giving back are interrupted by a signal, or by a node or a pod that dies."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from tasks.engines import nic_root
from tasks.nics import ledger as nics_ledger
from tasks.nics.lending import lend_to
from tasks.nics.machine import Machine
from tasks.nics.restoring import give_back
from tests.sriov.vm.world import (
    CLUSTER,
    LEFT,
    assert_same,
    container,
    dress,
    functions,
    hand_over,
    ip,
    kill,
    lack_of,
    lend,
    links,
    name_of,
    snapshot,
    taken,
    undress,
    until,
    wish,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def any_step_of_lending_may_be_the_last_one() -> None:
    """Stop the tool after each of its steps in turn, and give back what it has lent so far."""
    _address_left()
    before = snapshot(LEFT)
    asked = wish(num_vfs=1)
    with container() as node:
        for steps in itertools.count():
            if not _stopped_after(steps, lambda: lend_to(asked, (), Machine({asked.node: node}))):
                break
            give_back(CLUSTER)
            assert_same(before, LEFT)
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def any_step_of_giving_back_may_be_the_last_one() -> None:
    """Stop the tool after each of its steps in turn, and lend again what it has given back so far."""
    _address_left()
    before = snapshot(LEFT)
    with container() as node:
        asked = lend(node, wish(num_vfs=1))
        for steps in itertools.count():
            if not _stopped_after(steps, lambda: give_back(CLUSTER)):
                break
            assert nics_ledger.load(CLUSTER) is not None, "the ledger went before everything was back"
            lend(node, asked)
    assert_same(before, LEFT)
    undress()


def _address_left() -> None:
    name = name_of(LEFT)
    ip("link", "set", "dev", name, "mtu", "1600", "up")
    ip("address", "add", "10.9.1.1/24", "dev", name)


def _stopped_after(steps: int, action: Callable[[], None]) -> bool:
    """Run an action and kill it after a number of steps; return whether it had more steps."""
    left = [steps]
    originals = {name: getattr(nic_root, name) for name in ("_configure", "_write")}

    def counting(original: Callable[..., None]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            original(*arguments)

        return call

    try:
        for name, original in originals.items():
            setattr(nic_root, name, counting(original))
        action()
    except KeyboardInterrupt:
        return True
    finally:
        for name, original in originals.items():
            setattr(nic_root, name, original)
    return False


# Nodes and pods that die


def node_dies_with_everything_inside() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node)
        inside = {bdf: link["ifname"] for bdf, link in links(node).items()}
        # One name is taken when the kernel gives the devices back.
        with taken(inside[functions(LEFT)[2]]):
            kill(node)
            until(lambda: set(functions(LEFT)) <= set(links()), "the devices are back on the host")
            renamed = [name for name in (link["ifname"] for link in links().values()) if name.startswith("dev")]
            assert len(renamed) == 1, links()
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def restarted_node_gets_its_devices_again() -> None:
    before = snapshot(LEFT)
    with container() as first:
        asked = lend(first)
        names = {bdf: link["ifname"] for bdf, link in links(first).items()}
        with taken(names[functions(LEFT)[1]]):
            kill(first)
            until(lambda: set(functions(LEFT)) <= set(links()), "the devices are back on the host")
        with container() as second:
            assert lack_of(asked, Machine({asked.node: second}))
            lend(second, asked)
            assert {bdf: link["ifname"] for bdf, link in links(second).items()} == names
            give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def pod_dies_with_a_function_inside() -> None:
    before = snapshot(LEFT)
    with container() as node:
        asked = lend(node)
        with container() as pod:
            stray = functions(LEFT)[2]
            name = hand_over(stray, node, pod)
            assert not lack_of(asked, Machine({asked.node: node})), "what a pod holds is not astray"
            lend_to(asked, (), Machine({asked.node: node}))
            assert stray in links(pod), "what a running pod holds was taken away"
        until(lambda: stray in links(), "the kernel gives it to the host, past the node")
        assert lack_of(asked, Machine({asked.node: node}))
        lend(node, asked)
        assert links(node)[stray]["ifname"] == name
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()
