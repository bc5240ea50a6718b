"""Devices that a pod holds, and names that something else has taken in the meantime."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from tasks.nics import ledger as nics_ledger
from tasks.nics import pods as nics_pods
from tasks.nics.lending import lend_to
from tasks.nics.machine import Machine
from tasks.nics.restoring import give_back
from tests.sriov.vm.world import (
    CLUSTER,
    LEFT,
    assert_same,
    container,
    counted,
    dress,
    functions,
    hand_over,
    ip,
    kill,
    lack_of,
    lend,
    links,
    pinned,
    problem_of,
    set_count,
    settle,
    snapshot,
    taken,
    undress,
    until,
    wish,
)


def restore_while_a_pod_holds_a_function() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node, container() as pod:
        lend(node, wish(num_vfs=2, pattern="enp1s0.*|fast0"))
        hand_over(functions(LEFT)[1], node, pod)
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def restore_while_pods_call_theirs_alike() -> None:
    # As many functions as are lent: they survive the return, and meet under one name in the initial namespace.
    set_count(LEFT, 4)
    before = snapshot(LEFT)
    with ExitStack() as stack:
        node, *pods = [stack.enter_context(container()) for _ in range(5)]
        lend(node, wish(num_vfs=4))
        for bdf, pod in zip(functions(LEFT)[1:], pods, strict=True):
            hand_over(bdf, node, pod)
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def function_that_a_dead_pod_left_behind_comes_back() -> None:
    """A pod's processes are gone, but a file still keeps its namespace; other files there keep no namespace."""
    before = snapshot(LEFT)
    pin, stale, gone = (Path("/run/netns") / name for name in ("cni-1", "stale", "gone"))
    # There is no cluster here that could list its pods.
    pods: dict[str, str] = {}
    nics_pods.holder = lambda link, cluster: pods.get(link.bdf, "")
    with container() as node, container() as pod, pinned(pod, pin):
        stale.touch()
        gone.symlink_to("/proc/4194304/ns/net")
        asked = lend(node)
        stray = functions(LEFT)[2]
        name = hand_over(stray, node, pod)
        kill(pod)
        os.waitid(os.P_PID, pod, os.WEXITED | os.WNOWAIT)
        pods[stray] = "default/calcapp"
        assert not lack_of(asked, Machine({asked.node: node})), "its pod has it still"
        pods.clear()
        assert lack_of(asked, Machine({asked.node: node}))
        lend(node, asked)
        assert links(node)[stray]["ifname"] == name
        ip("link", "set", "dev", name, "netns", str(pin), namespace=node)
        give_back(CLUSTER)
        for file in (stale, gone):
            file.unlink()
    assert_same(before, LEFT)
    undress()


def held_function_forbids_another_count() -> None:
    before = snapshot(LEFT)
    with container() as node, container() as pod:
        lend(node)
        held = functions(LEFT)[1]
        hand_over(held, node, pod)
        made = counted()
        line = problem_of(lambda: lend_to(wish(num_vfs=5), (), Machine({"kind-worker": node}))).message
        assert held in line, line
        assert str(pod) in line, line
        assert made == []
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


# Names that are taken


def name_clash_on_return() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node, wish(num_vfs=2, pattern="enp1s0.*|fast0"))
        with taken("fast0"):
            line = str(problem_of(lambda: give_back(CLUSTER)))
            assert f"{functions(LEFT)[1]}: its name fast0" in line, line
            assert nics_ledger.load(CLUSTER) is not None, "the ledger must outlive a failed return"
            assert LEFT in links(), "the others are given back all the same"
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def altname_clash_on_return() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node)
        with taken(altname="storage-uplink"):
            line = str(problem_of(lambda: give_back(CLUSTER)))
            assert "its name storage-uplink is taken by thief" in line, line
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def altname_clash_when_a_node_dies() -> None:
    """Older kernels stop with a BUG (CVE-2024-26634) if a returning device has an altname that is taken."""
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node)
        with taken(altname="storage-uplink"):
            kill(node)
            until(lambda: LEFT in links(), "the card is back on the host")
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def names_that_were_swapped_come_back() -> None:
    dress()
    before = snapshot(LEFT)
    with container() as node:
        lend(node, wish(num_vfs=2, pattern="enp1s0.*|fast0"))
        kill(node)
        until(lambda: set(functions(LEFT)) <= set(links()), "the devices are back on the host")
        one, two = (links()[bdf]["ifname"] for bdf in functions(LEFT)[1:])
        for old, new in ((one, "between"), (two, one), ("between", two)):
            rename(old, new)
        give_back(CLUSTER)
    assert_same(before, LEFT)
    undress()


def rename(old: str, new: str) -> None:
    """Rename an interface of the host; first remove the new name if udev has made it an altname."""
    settle()
    for link in links().values():
        if new in link.get("altnames", []):
            ip("link", "property", "del", "dev", link["ifname"], "altname", new)
    ip("link", "set", "dev", old, "down")
    ip("link", "set", "dev", old, "name", new)
