"""Network interfaces of this machine: the namespace that each one is in, and calls to change it.

Reading the host's own interfaces needs no special rights. Everything that looks into or changes another namespace is
done by `nic_root`: directly if this process is root, and through `sudo -n` otherwise.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tasks.engines import nic_root
from tasks.engines.host import connections, pci
from tasks.engines.host.connections import Connection
from tasks.engines.programs import root, shell
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SSH_PORT = 22
# What users may allow in sudo's rules.
_AS_ROOT = (sys.executable, "-m", nic_root.__name__)
# How often, at most, the routes are read until two listings of them agree.
_READS = 5


@dataclass(frozen=True)
class Link:
    """A network interface as `ip -json -details address show` prints it.

    Attributes:
        name: Its name in its namespace.
        altnames: Its other names, sorted.
        bdf: Address of the PCI function behind it, or an empty string.
        mac: Its hardware address.
        permanent_mac: The card's built-in hardware address, if `ip` prints one.
        mtu: Largest payload in bytes.
        up: Whether it is up.
        master: The bridge or bond that it is a member of, or an empty string.
        under: The interface below it (a VLAN's or macvlan's lower one), or an empty string.
        addresses: Its addresses, as `ip` prints them.
        representor: Whether it only represents a function on the host (switchdev) and is not its own interface.
        vf_settings: The settings that the physical function imposes on each of its virtual functions.
    """

    name: str
    altnames: tuple[str, ...] = ()
    bdf: str = ""
    mac: str = ""
    permanent_mac: str = ""
    mtu: int = 0
    up: bool = False
    master: str = ""
    under: str = ""
    representor: bool = False
    addresses: tuple[Mapping[str, Any], ...] = ()
    vf_settings: tuple[Mapping[str, Any], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All its names."""
        return (self.name, *self.altnames)


def parse(found: Mapping[str, Any]) -> Link:
    """Return the interface that an object from `ip -json` describes."""
    representor = pci.is_representor(found.get("phys_port_name", ""))
    return Link(
        name=found["ifname"],
        altnames=tuple(sorted(found.get("altnames", ()))),
        bdf=found.get("parentdev", "") if found.get("parentbus") == "pci" and not representor else "",
        mac=found.get("address", ""),
        permanent_mac=found.get("permaddr", ""),
        mtu=found.get("mtu", 0),
        up="UP" in found.get("flags", ()),
        master=found.get("master", ""),
        under=found.get("link", ""),
        representor=representor,
        addresses=tuple(found.get("addr_info", ())),
        vf_settings=tuple(found.get("vfinfo_list", ())),
    )


@dataclass(frozen=True)
class Namespace:
    """A network namespace with its interfaces.

    Attributes:
        inode: Its identifier; a container that restarts gets another one.
        path: Where it can be opened.
        host: Whether it is the host's.
        node: Name of the node that it belongs to, or an empty string.
        process: A process in it; 0 if only a file keeps it alive.
        command: Name of that process's program.
        pod: UID of the pod that the process belongs to, or an empty string.
        links: Its interfaces.
    """

    inode: int
    path: str
    host: bool = False
    node: str = ""
    process: int = 0
    command: str = ""
    pod: str = ""
    links: tuple[Link, ...] = ()

    def named(self, name: str) -> Link | None:
        """Return the interface with a name, which may be one of its other names, or None."""
        return next((link for link in self.links if name in link.names), None)


@dataclass(frozen=True)
class World:
    """All namespaces that were looked into, including the host's."""

    namespaces: tuple[Namespace, ...] = field(default=())

    @property
    def host(self) -> Namespace:
        """The host's namespace."""
        return next(namespace for namespace in self.namespaces if namespace.host)

    def node(self, name: str) -> Namespace | None:
        """Return the namespace of a node, or None if its container is not running."""
        return next((namespace for namespace in self.namespaces if namespace.node == name), None)

    def place(self, bdf: str) -> tuple[Namespace, Link] | None:
        """Return the interface of a PCI function and the namespace that it is in, or None."""
        return next(
            ((namespace, link) for namespace in self.namespaces for link in namespace.links if bdf and link.bdf == bdf),
            None,
        )


def survey(nodes: Mapping[str, int] | None = None, *, everywhere: bool = False) -> World:
    """Look into the namespaces of the host and the nodes, or into all namespaces.

    Args:
        nodes: One process of each node container, by the node's name.
        everywhere: Look into every namespace of the machine.
    """
    found = call("survey", nodes=dict(nodes or {}), everywhere=everywhere)
    return World(tuple(Namespace(**{**one, "links": tuple(map(parse, one["links"]))}) for one in found))


def own_namespace() -> Namespace:
    """Return the host's namespace without its interfaces."""
    return Namespace(os.stat(nic_root.OWN_NAMESPACE).st_ino, nic_root.OWN_NAMESPACE, host=True)  # noqa: PTH116 - as there


def change(world: World, steps: Sequence[Mapping[str, Any]]) -> None:
    """Carry out steps (see `nic_root.change`) in the namespaces of a survey."""
    if steps:
        namespaces = [(namespace.inode, namespace.path) for namespace in world.namespaces]
        named = {int(word) for step in steps for word in _namespaces_of(step)}
        call("change", steps=list(steps), namespaces=[pair for pair in namespaces if pair[0] in named])


def _namespaces_of(step: Mapping[str, Any]) -> list[str]:
    words = [word[1:] for word in step.get("ip", ()) if word.startswith("@")]
    return [*words, str(step["namespace"])] if "namespace" in step else words


def call(function: str, **arguments: Any) -> Any:
    """Run a function of `nic_root` as root.

    Raises:
        Problem: It failed, or sudo was refused.
    """
    if os.geteuid() == 0:
        return nic_root.perform(function, arguments)
    request = json.dumps({"call": function, "arguments": arguments})
    done = root.run(*_AS_ROOT, stdin=request, cwd=paths.ROOT)
    # Modules of sudo may print something to the same output, before the single line of the answer.
    answer = json.loads(done.stdout.strip().rpartition("\n")[2])
    if "problem" in answer:
        message, hint, details = answer["problem"]
        raise Problem(message, hint=hint, details=details)
    return answer["result"]


def is_granted() -> bool:
    """Return whether `nic_root` may run as root now, without a question; sudo's rules may allow it alone."""
    looking = {"call": nic_root.survey.__name__, "arguments": {"nodes": {}, "everywhere": False}}
    return root.is_granted(*_AS_ROOT, stdin=json.dumps(looking), cwd=paths.ROOT)


def settle() -> None:
    """Wait until udev has named and configured new devices."""
    if shutil.which("udevadm"):
        shell.run(["udevadm", "settle", "--timeout=30"], check=False)


def routes() -> tuple[Mapping[str, Any], ...]:
    """Return all routes of the host, as `ip` prints them, each with its `family` and its locked metrics (`locks`).

    Raises:
        Problem: They change faster than they can be read.
    """
    return tuple(route for family in ("inet", "inet6") for route in _routes_of(family))


def _routes_of(family: str) -> list[dict[str, Any]]:
    words = ("-family", family, "route", "show", "table", "all")
    for _ in range(_READS):
        found = [{**route, "family": family} for route in _host_ip(*words)]
        if not any("metrics" in route for route in found):
            return found
        # Only the text output shows whether a metric is locked: one line for each route, in the same order.
        lines = shell.run(["ip", "-oneline", *words]).stdout.splitlines()
        if len(lines) == len(found):
            return [_with_locks(route, line) for route, line in zip(found, lines, strict=True)]
    raise Problem("the routes of this machine change faster than they can be read", hint="ip monitor route")


def _with_locks(route: dict[str, Any], line: str) -> dict[str, Any]:
    locks = [name for name in re.findall(r"(\w+) lock ", line) if "metrics" in route]
    return {**route, "locks": locks} if locks else route


def lifelines(proc_net: Path = connections.PROC_NET) -> dict[str, str]:
    """Return the host's interfaces that must never be touched, each with the reason.

    They are the interfaces of the default routes, and those through which the packets of a TCP connection with another
    machine come in or go out. All ports count: sudo and tmux hide SSH_CONNECTION, and sshd may listen on any port.

    Args:
        proc_net: Where the kernel lists its connections.
    """
    found = {
        route["dev"]: "the default route goes through it"
        for family in ("inet", "inet6")
        for route in _default_routes(family)
        if "dev" in route
    }
    holders = _holders()
    present = [*_session(), *connections.from_outside(holders, proc_net)]
    replies = {peer: _devices_to(peer) for peer in dict.fromkeys(connection.peer for connection in present)}
    for connection in present:
        for device in (*holders.get(connection.local, ()), *replies[connection.peer]):
            if device != "lo":
                found.setdefault(device, f"{_described(connection)} goes through it")
    return found


def _holders() -> dict[str, list[str]]:
    """Return the host's interfaces by address; several may have the same address."""
    holders: dict[str, list[str]] = {}
    for link in _host_ip("address", "show"):
        for info in link.get("addr_info", ()):
            if "local" in info:
                holders.setdefault(info["local"], []).append(link["ifname"])
    return holders


def _session() -> list[Connection]:
    """Return the connection of the SSH session that this process is in, if there is one."""
    client, _, server, port = ([*os.environ.get("SSH_CONNECTION", "").split(), "", "", "", ""])[:4]
    return [Connection(_plain(server), int(port), _plain(client))] if port.isdecimal() else []


def _described(connection: Connection) -> str:
    if connection.port == _SSH_PORT:
        return f"the SSH connection from {connection.peer}"
    return f"the TCP connection with {connection.peer} (port {connection.port} here)"


def _default_routes(family: str) -> list[dict[str, Any]]:
    found = _host_ip("-family", family, "route", "show", "default")
    return [hop for route in found for hop in (route, *route.get("nexthops", ()))]


def _devices_to(address: str) -> list[str]:
    """Return the interface through which packets to an address leave; none if it cannot be reached."""
    done = shell.run(["ip", "-json", "route", "get", address], check=False)
    routes = json.loads(done.stdout or "[]") if done.returncode == 0 else []
    return [route["dev"] for route in routes if "dev" in route]


def _plain(address: str) -> str:
    """Return an address as `ip` writes it: without a zone, and without the prefix of an IPv4-mapped address."""
    return address.partition("%")[0].removeprefix("::ffff:")


def _host_ip(*words: str) -> list[dict[str, Any]]:
    done = shell.run(["ip", "-json", *words])
    return [found for found in json.loads(done.stdout or "[]") if found]
