"""Emulated cards on a real engine, in two containers with a node's programs, which start the unit as systemd would."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
import uuid
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.docker_engine import service
from tasks.engines.docker import client, containers, images, networks
from tasks.engines.host import apt
from tasks.engines.programs import shell, waiting
from tasks.nics import counters, emulated
from tasks.nics.wish import Wish
from tasks.problems import Problem
from tasks.settings import nics

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Addresses for measurements between networks (RFC 2544): no machine routes them.
NODES, CARDS = IPv4Network("198.18.76.0/24"), IPv4Network("198.18.77.0/24")
IMAGE = "openkasugai-emulated-node:test"
PROGRAMS = {
    **dict.fromkeys(("sh", "bash", "cat", "cut", "sed", "sleep", "rm", "touch", "timeout", "mkdir", "mount"), ""),
    "getent": "",
    "ip": "iproute2",
}
SYSTEMCTL = """#!/bin/sh
case "$*" in
*disable*) rm -f /enabled ;;
*enable*) touch /enabled ;;
*restart*) /usr/local/sbin/emulated-card up ;;
esac
"""
BOOT = "if [ -e /enabled ]; then /usr/local/sbin/emulated-card up; fi; touch /run/booted; exec sleep 900"
POD = """set -e
mkdir -p /run/netns
ip netns add {name}
ip link add name {name} link emulated-pf type macvlan mode vepa
ip link set dev {name} netns {name}
ip -n {name} address add {address}/24 dev {name}
ip -n {name} link set dev {name} up
"""
# A port without a server answers too, if packets arrive and come back.
KNOCK = "timeout 5 bash -c '</dev/tcp/{address}/9' 2>&1"


@dataclass(frozen=True)
class Pair:
    """Two nodes, and the network that their cards are to have."""

    network: emulated.Network
    wishes: tuple[Wish, Wish]

    @property
    def nodes(self) -> tuple[str, str]:
        first, second = self.wishes
        return first.node, second.node

    def make(self) -> None:
        for wish in self.wishes:
            emulated.make(wish, self.network)

    def lack(self) -> tuple[str, ...]:
        return tuple(reason for wish in self.wishes for reason in emulated.lack(wish, self.network).reasons)

    def restart(self) -> None:
        for node in self.nodes:
            containers.exec_in(node, ["rm", "/run/booted"])
            client.client().api.restart(node, timeout=0)
            await_boot(node)


def await_boot(node: str) -> None:
    command = ["sh", "-c", "[ -e /run/booted ] && echo yes"]
    waiting.until(f"{node}: booted", lambda: containers.exec_in(node, command, check=False), bool, deadline=30)


def node_image() -> bytes:
    """Return a file system with programs of this machine and the libraries that they need."""
    apt.install({name: package for name, package in PROGRAMS.items() if package})
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for file in sorted({file for name in PROGRAMS for file in with_libraries(name)}):
            tar.add(Path(file).resolve(), file)
        for name, text in {"bin/systemctl": SYSTEMCTL, "etc/host.conf": "multi on\n", "run/empty": ""}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text), 0o755
            tar.addfile(member, io.BytesIO(text.encode()))
    return archive.getvalue()


def with_libraries(program: str) -> set[str]:
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert path
    found = re.findall(r"(/\S+) \(0x", shell.run(["ldd", path]).stdout)
    return {f"/bin/{program}", *found}


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two nodes of a cluster of their own, and what is left of it is removed."""
    service.ensure()
    cluster = f"emulated-{uuid.uuid4().hex[:6]}"
    wishes = [
        Wish(row, cluster, f"ens9f{port}", f"ens9f{port}.*", f"198.18.77.{port + 2}/24", 8)
        for port, row in enumerate(nics.WORKERS)
    ]
    made = Pair(emulated.Network(cluster, CARDS, IPv4Address("198.18.77.1")), (wishes[0], wishes[1]))
    api = client.client().api
    api.import_image_from_data(node_image(), repository=IMAGE.partition(":")[0], tag="test")
    networks.create_internal(f"{cluster}-nodes", NODES, IPv4Address("198.18.76.1"), {})
    host = api.create_host_config(network_mode=f"{cluster}-nodes", privileged=True, init=True)
    try:
        for node in made.nodes:
            api.create_container(IMAGE, ["/bin/sh", "-c", BOOT], name=node, hostname=node, host_config=host)
            api.start(node)
            await_boot(node)
        yield made
    finally:
        for node in made.nodes:
            containers.remove(node)
        for name in (made.network.name, f"{cluster}-nodes"):
            if networks.find(name):
                api.remove_network(name)
        images.remove(IMAGE)


def add_pods(node: str, pods: Mapping[str, str]) -> None:
    for name, address in pods.items():
        containers.exec_in(node, ["sh", "-c", POD.format(name=name, address=address)])


def is_reached(node: str, address: str, *, pod: str = "") -> bool:
    inside = ["ip", "netns", "exec", pod] if pod else []
    said = containers.exec_in(node, [*inside, "sh", "-c", KNOCK.format(address=address)], check=False)
    return "Connection refused" in said


def test_pods_and_nodes_reach_each_other_through_the_cards(pair: Pair) -> None:
    assert len(pair.lack()) == len(pair.wishes)
    pair.make()
    assert pair.lack() == ()
    here, there = pair.nodes
    add_pods(here, {"one": "198.18.77.11", "two": "198.18.77.12"})
    add_pods(there, {"three": "198.18.77.13"})
    assert is_reached(here, "198.18.77.3")
    assert is_reached(here, "198.18.77.11")
    for address in ("198.18.77.2", "198.18.77.3", "198.18.77.13"):
        assert is_reached(here, address, pod="one"), address
    assert is_reached(there, "198.18.77.11", pod="three")
    before = counters.of_cards(pair.wishes)
    assert is_reached(here, "198.18.77.12", pod="one")
    after = counters.of_cards(pair.wishes)
    # The packet leaves by the card and comes back by it, although both pods are on one node.
    assert after[here].sent > before[here].sent
    assert after[here].received > before[here].received


def test_cards_are_there_after_restarts_and_a_node_keeps_its_first_address(pair: Pair) -> None:
    """Docker lists the networks of a container in any order, another one at each start."""
    pair.make()
    for _ in range(4):
        pair.restart()
        assert pair.lack() == ()
        for node in pair.nodes:
            first = containers.exec_in(node, ["getent", "ahostsv4", node]).split()[0]
            assert IPv4Address(first) in NODES
    assert is_reached(pair.nodes[0], "198.18.77.3")


def test_damage_is_told_and_mended_and_another_name_and_address_are_put_in_force(pair: Pair) -> None:
    pair.make()
    first = pair.wishes[0]
    for damage in ("ip link delete dev ens9f0", "ip link delete dev esw", "rm /usr/local/sbin/emulated-card"):
        containers.exec_in(first.node, ["sh", "-c", damage])
        assert len(pair.lack()) == 1
        emulated.make(first, pair.network)
        assert pair.lack() == ()
    changed = Wish(first.row, first.cluster, "eth9", ".*", "198.18.77.9/24", 8)
    add_pods(first.node, {"one": "198.18.77.11"})
    emulated.make(changed, pair.network)
    assert emulated.lack(changed, pair.network).reasons == ()
    assert is_reached(first.node, "198.18.77.9", pod="one")
    assert is_reached(pair.nodes[1], "198.18.77.9")
    assert not is_reached(pair.nodes[1], "198.18.77.2")


def test_everything_is_taken_away_also_from_a_stopped_node(pair: Pair) -> None:
    pair.make()
    running, stopped = pair.nodes
    containers.exec_in(stopped, ["rm", "/run/booted"])
    client.client().api.kill(stopped)
    emulated.take_away(pair.network.cluster)
    assert networks.find(pair.network.name) is None
    client.client().api.start(stopped)
    await_boot(stopped)
    for node in (running, stopped):
        links = containers.exec_in(node, ["ip", "-o", "link"])
        assert not re.search("ens9f|esw", links)
        assert "eth0" in links
    assert not is_enabled(running)
    assert "198.18.76." in containers.exec_in(running, ["getent", "ahostsv4", running])
    pair.make()
    assert pair.lack() == ()


def is_enabled(node: str) -> bool:
    return bool(containers.exec_in(node, ["sh", "-c", "cat /enabled && echo yes"], check=False))


@pytest.mark.parametrize("subnet", ["198.18.77.0/24", "198.18.64.0/20"])
def test_networks_of_others_are_refused_by_name_and_left(pair: Pair, subnet: str) -> None:
    """One has the name, the other has addresses of the cards; the nodes' network is in the way of neither."""
    foreign = "foreign-cards" if "20" in subnet.partition("/")[2] else pair.network.name
    api = client.client().api
    for node in pair.nodes:
        api.disconnect_container_from_network(node, f"{pair.network.cluster}-nodes")
    api.remove_network(f"{pair.network.cluster}-nodes")
    networks_before = make_foreign(foreign, IPv4Network(subnet))
    try:
        with pytest.raises(Problem, match=foreign):
            pair.make()
        emulated.take_away(pair.network.cluster)
        assert networks.find(foreign) == networks_before
    finally:
        api.remove_network(foreign)


def make_foreign(name: str, subnet: IPv4Network) -> networks.NetworkFacts | None:
    """Create a network as its user would."""
    shell.run([client.cli()[0], "network", "create", "--subnet", str(subnet), name], env=client.variables())
    return networks.find(name)
