"""Cards are lent: what a worker gets, and the effect of a second run, another count or another expression."""

from __future__ import annotations

import threading
from contextlib import suppress

from tasks.engines import nic_root
from tasks.nics import ledger as nics_ledger
from tasks.nics.lending import lend_to
from tasks.nics.machine import Machine
from tasks.nics.restoring import give_back
from tests.sriov.vm.world import (
    CLUSTER,
    DEADLINE,
    LEFT,
    RIGHT,
    assert_lent,
    assert_same,
    container,
    counted,
    dress,
    functions,
    hand_over,
    ip,
    lack_of,
    lend,
    links,
    name_of,
    problem_of,
    set_count,
    snapshot,
    undress,
    wish,
)


def create_and_restore() -> None:
    before = snapshot(LEFT, RIGHT)
    with container() as node:
        lend(node)
        give_back(CLUSTER)
        assert nics_ledger.load(CLUSTER) is None
    assert_same(before, LEFT, RIGHT)
    undress()


def everything_a_card_had_comes_back() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node, wish(num_vfs=5))
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def virtual_functions_that_were_there_are_kept() -> None:
    dress()
    before = snapshot(LEFT)
    macs = {bdf: links()[bdf]["address"] for bdf in functions(LEFT)}
    with container() as node:
        lend(node, wish(num_vfs=2, pattern="enp1s0.*|fast0"))
        assert {bdf: link["address"] for bdf, link in links(node).items()} == macs
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def seven_functions_for_each_of_two_workers() -> None:
    before = snapshot(LEFT, RIGHT)
    with container() as one, container() as two:
        processes = {"kind-worker": one, "kind-worker2": two}
        first, second = wish(num_vfs=7), wish("kind-worker2", num_vfs=7, address="192.168.20.3/24")
        lend_to(first, (second,), Machine(processes))
        lend_to(second, (first,), Machine(processes))
        assert_lent(one, first)
        assert_lent(two, second)
        give_back(CLUSTER)
    assert_same(before, LEFT, RIGHT)
    undress()


def second_run_changes_nothing() -> None:
    before = snapshot(LEFT)
    with container() as node:
        asked = lend(node)
        written = nics_ledger.path(CLUSTER).stat().st_mtime_ns
        made = counted()
        assert not lack_of(asked, Machine({asked.node: node}))
        lend_to(asked, (), Machine({asked.node: node}))
        assert made == []
        assert nics_ledger.path(CLUSTER).stat().st_mtime_ns == written
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def another_count() -> None:
    before = snapshot(LEFT)
    with container() as node:
        lend(node, wish(num_vfs=2))
        lend(node, wish(num_vfs=4))
        lend(node, wish(num_vfs=1))
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def busy_card_gets_another_count() -> None:
    set_count(LEFT, 2)
    before = snapshot(LEFT)
    with suppress(OSError):
        set_count(LEFT, 4)
        raise AssertionError("the kernel took another count without 0 in between")
    with container() as node:
        lend(node, wish(num_vfs=4))
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def busy_card_is_asked_again() -> None:
    """The kernel calls a card busy if it already has another count; here another process resets the count meanwhile."""
    before = snapshot(LEFT)
    set_count(LEFT, 2)
    step = {"write": f"/sys/bus/pci/devices/{LEFT}/sriov_numvfs", "text": "4"}
    nic_root._BUSY_SECONDS = 1.0
    line = str(problem_of(lambda: nic_root.change([step], [])))
    assert "Device or resource busy" in line, line
    assert len(functions(LEFT)) == 3
    nic_root._BUSY_SECONDS = DEADLINE
    other = threading.Timer(1.0, set_count, (LEFT, 0))
    other.start()
    nic_root.change([step], [])
    other.join()
    assert len(functions(LEFT)) == 5
    set_count(LEFT, 0)
    assert_same(before, LEFT)
    undress()


def only_what_the_expression_matches_is_lent() -> None:
    before = snapshot(LEFT)
    with container() as node:
        asked = wish(pattern=f"{name_of(LEFT)}v[01]")
        lend_to(asked, (), Machine({asked.node: node}))
        card, first, second, third = functions(LEFT)
        assert set(links(node)) == {card, first, second}
        assert third in links()
        assert not lack_of(asked, Machine({asked.node: node}))
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def card_that_something_else_moved_in_is_lent() -> None:
    before = snapshot(LEFT)
    with container() as node:
        asked = wish()
        ip("link", "set", "dev", asked.interface, "netns", str(node))
        lend(node, asked)
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def card_that_is_up_in_its_node_is_lent_again() -> None:
    """The ledger of a card in its node is gone; the card is up, and a pod has one of its functions, also up."""
    before = snapshot(LEFT)
    asked = wish()
    with container() as node, container() as pod:
        set_count(LEFT, 3)
        for bdf in functions(LEFT):
            name = name_of(bdf)
            ip("link", "set", "dev", name, "netns", str(node))
            ip("link", "set", "dev", name, "up", namespace=node)
        held = functions(LEFT)[1]
        hand_over(held, node, pod)
        ip("link", "set", "dev", "net1", "up", namespace=pod)
        for _ in range(2):
            lend_to(asked, (), Machine({asked.node: node}))
            assert not lack_of(asked, Machine({asked.node: node}))
            assert "UP" in links(node)[LEFT]["flags"]
            assert held in links(pod), "what a pod holds stays with it"
        give_back(CLUSTER)
        assert set(functions(LEFT)) <= set(links())
    undress()
    assert_same(before, LEFT)


def function_of_a_container_stays_its_own() -> None:
    """Another container already has a function of the card: this function is neither lent nor taken away."""
    set_count(LEFT, 3)
    asked = wish()
    with container() as node, container() as theirs:
        held = functions(LEFT)[1]
        ip("link", "set", "dev", name_of(held), "netns", str(theirs))
        ip("link", "set", "dev", links(theirs)[held]["ifname"], "name", "net1", namespace=theirs)
        ip("link", "set", "dev", "net1", "up", namespace=theirs)
        before = snapshot(LEFT)
        lend_to(asked, (), Machine({asked.node: node}))
        assert not lack_of(asked, Machine({asked.node: node}))
        give_back(CLUSTER)
        assert "UP" in links(theirs)[held]["flags"]
        assert nics_ledger.load(CLUSTER) is None
        assert_same(before, LEFT)
    undress()
