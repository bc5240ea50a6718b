"""What is refused before anything is touched."""

from __future__ import annotations

import socket
import subprocess
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from tasks.nics import ledger as nics_ledger
from tasks.nics.lending import lend_to
from tasks.nics.machine import Machine
from tasks.nics.restoring import give_back
from tests.sriov.vm.world import (
    DEADLINE,
    LEFT,
    RIGHT,
    assert_same,
    container,
    counted,
    functions,
    has_link,
    ip,
    kill,
    links,
    name_of,
    problem_of,
    refused_untouched,
    set_count,
    snapshot,
    taken,
    undress,
    until,
    wish,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


def default_route_is_refused() -> None:
    name = name_of(LEFT)
    ip("link", "set", "dev", name, "up")
    ip("address", "add", "10.9.1.1/24", "dev", name)
    ip("route", "add", "default", "via", "10.9.1.254", "dev", name)
    refused_untouched("default route")
    undress()


def default_route_through_a_function_is_refused() -> None:
    set_count(LEFT, 2)
    name = name_of(functions(LEFT)[2])
    ip("link", "set", "dev", name_of(LEFT), "up")
    ip("link", "set", "dev", name, "up")
    ip("address", "add", "10.9.1.1/24", "dev", name)
    until(lambda: "LOWER_UP" in links()[functions(LEFT)[2]]["flags"], "the function has a link")
    ip("route", "add", "default", "via", "10.9.1.254", "dev", name)
    refused_untouched(f"its virtual function {name}: the default route")
    undress()


def connection_from_outside_is_refused() -> None:
    """The tool sees the connection itself, on any port and in both families: sudo and tmux hide SSH_CONNECTION."""
    for address in ("10.9.1.1/24", "2001:db8::1/64"):
        ip("address", "add", address, "dev", name_of(LEFT), *(["nodad"] if ":" in address else []))
    ip("link", "set", "dev", name_of(LEFT), "up")
    with container() as client:
        card = name_of(RIGHT)
        ip("link", "set", "dev", card, "netns", str(client))
        ip("link", "set", "dev", card, "up", namespace=client)
        ip("address", "add", "10.9.1.2/24", "dev", card, namespace=client)
        ip("address", "add", "2001:db8::2/64", "nodad", "dev", card, namespace=client)
        for place, bdf in ((0, LEFT), (client, RIGHT)):
            until(partial(has_link, place, bdf), "the card has a link")
        with connected(client, "10.9.1.1", 22):
            refused_untouched("the SSH connection from 10.9.1.2 goes through it")
        with connected(client, "10.9.1.1", 2222):
            refused_untouched("the TCP connection with 10.9.1.2 (port 2222 here) goes through it")
        with connected(client, "2001:db8::1", 2049):
            refused_untouched("the TCP connection with 2001:db8::2 (port 2049 here) goes through it")
    until(lambda: RIGHT in links(), "the other card is back")
    undress()


@contextmanager
def connected(client: int, address: str, port: int) -> Iterator[None]:
    """Keep a connection open from a container to a port of the host."""
    connect = ["/bin/busybox", "nsenter", f"--net=/proc/{client}/ns/net", "/bin/busybox", "nc", address, str(port)]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, port), family=family) as server:
        server.settimeout(DEADLINE)
        with subprocess.Popen(connect, stdin=subprocess.PIPE) as process:
            with server.accept()[0]:
                yield
            process.kill()


def bond_member_is_refused() -> None:
    ip("link", "add", "bond9", "type", "bond")
    ip("link", "set", "dev", name_of(LEFT), "master", "bond9")
    refused_untouched("member of bond9")
    ip("link", "del", "bond9")
    undress()


def bridge_member_is_refused() -> None:
    ip("link", "add", "br0", "type", "bridge")
    ip("link", "set", "dev", name_of(LEFT), "master", "br0")
    refused_untouched("member of br0")
    undress()


def card_under_a_vlan_is_refused() -> None:
    ip("link", "add", "link", name_of(LEFT), "name", "office", "type", "vlan", "id", "9")
    refused_untouched("office is built upon it")
    ip("link", "del", "office")
    undress()


def too_many_functions_are_refused() -> None:
    refused_untouched("sriov_totalvfs", num_vfs=8)
    undress()


def device_without_sriov_is_refused() -> None:
    with taken("plain"):
        refused_untouched("no SR-IOV", interface="plain")
    undress()


def pattern_that_matches_others_is_refused() -> None:
    refused_untouched(name_of(RIGHT), pattern="enp.*")
    undress()


def one_card_for_two_workers_is_refused() -> None:
    ip("link", "property", "add", "dev", name_of(LEFT), "altname", "same-card")
    other = wish("kind-worker2", interface="same-card")
    refused_untouched("SRIOV_PF_IF_2", others=(other,))
    undress()


def card_of_another_cluster_is_refused() -> None:
    before = snapshot(LEFT)
    with container() as theirs, container() as mine:
        lend_to(wish(cluster="other"), (), Machine({"other-worker": theirs}))
        ledger = nics_ledger.path("other").read_text()
        made = counted()
        # The card may have come back by itself, but the ledger still holds it.
        kill(theirs)
        until(lambda: LEFT in links(), "the card is back on the host")
        line = problem_of(lambda: lend_to(wish(interface=name_of(LEFT)), (), Machine({"kind-worker": mine}))).message
        assert "cluster other" in line, line
        assert made == []
        assert nics_ledger.path("other").read_text() == ledger
        give_back("other")
    assert_same(before, LEFT)
    undress()
