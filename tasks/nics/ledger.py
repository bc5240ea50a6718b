"""The ledger of lent network cards: the state of each device before the first change, and the node that has it.

Each cluster has one file. Anybody may read it; root writes it. It is complete before anything is changed, so the way
back is known whatever happens afterwards: a crash, a reboot, a node that dies.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any

from tasks.engines.files import ledgers
from tasks.engines.host import namespaces as engine
from tasks.engines.host import pci
from tasks.nics import routes as nics_routes
from tasks.problems import Problem
from tasks.settings import nics as settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

VERSION = 1
# Flags of an address: words without a value, in `ip`'s output as well as in its commands.
ADDRESS_FLAGS = ("noprefixroute", "nodad", "home", "mngtmpaddr", "autojoin")
_ADDRESS_FIELDS = (
    "family", "local", "address", "prefixlen", "broadcast", "scope", "label", "metric", *ADDRESS_FLAGS,
)  # fmt: skip
_NOT_PRESCRIBED = "00:00:00:00:00:00"
# Where a device was: on the host, or in somebody else's namespace, where it is left.
HOST, ELSEWHERE = "host", "elsewhere"


@dataclass(frozen=True)
class Record:
    """A device as it was; everything in it is restored.

    Attributes:
        bdf: PCI address, which identifies the device.
        identity: PCI vendor and device, to detect another card at the address.
        permanent_mac: The card's factory hardware address; empty for a virtual function, which has none.
        namespace: Where its interface was: `HOST`, or `ELSEWHERE` (a container that was given a virtual function).
        name: Name of its interface; empty if its driver creates none (vfio-pci).
        altnames: Other names of its interface.
        mac: Hardware address.
        mtu: Largest payload in bytes.
        up: Whether it was switched on.
        driver: Its driver.
        num_vfs: How many virtual functions were enabled; None for a virtual function.
        physical_function: PCI address of the card that a virtual function belongs to, or an empty string.
        addresses: Its addresses, except those that the kernel, a DHCP client or a router advertisement creates.
        routes: Its routes, with the same exceptions.
        vf_settings: What the card prescribes for each virtual function (address, VLAN, trust, ...).
    """

    bdf: str
    identity: str
    permanent_mac: str
    namespace: str
    name: str
    altnames: tuple[str, ...]
    mac: str
    mtu: int
    up: bool
    driver: str
    num_vfs: int | None
    physical_function: str
    addresses: tuple[Mapping[str, Any], ...]
    routes: tuple[Mapping[str, Any], ...]
    vf_settings: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Loan:
    """What one node has.

    Attributes:
        physical_function: PCI address of its card.
        num_vfs: How many virtual functions were made for it.
        namespace: Inode of the node's namespace when they were moved in; a different one means that the node restarted.
        names: Names of the lent interfaces, by PCI address; empty until they are known.
    """

    physical_function: str
    num_vfs: int
    namespace: int
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ledger:
    """Everything that one cluster has borrowed.

    Attributes:
        cluster: Name of the cluster.
        boot: The kernel's identifier of the boot in which it was written.
        devices: Records of the devices, by PCI address.
        loans: What each node has, by the node's name.
        home: Whether all of it is on the host again, though not as it was.
        checkout: Folder of the checkout that lends it.
    """

    cluster: str
    boot: str
    devices: Mapping[str, Record] = field(default_factory=dict)
    loans: Mapping[str, Loan] = field(default_factory=dict)
    home: bool = False
    checkout: str = ""

    def with_loan(self, node: str, loan: Loan, records: tuple[Record, ...] = ()) -> Ledger:
        """Return it with a node's loan, and with the records of devices that it does not have yet."""
        known = {record.bdf: record for record in records} | dict(self.devices)
        return replace(self, devices=known, loans={**self.loans, node: loan}, home=False)

    def virtual_functions(self, physical_function: str) -> tuple[Record, ...]:
        """Return the records of the virtual functions that a card had."""
        return tuple(record for record in self.devices.values() if record.physical_function == physical_function)

    def physical_functions(self) -> tuple[Record, ...]:
        """Return the records of the cards."""
        return tuple(record for record in self.devices.values() if not record.physical_function)


def path(cluster: str) -> Path:
    """Return the file of a cluster's ledger."""
    return settings.LEDGERS / f"{cluster}.json"


def load(cluster: str) -> Ledger | None:
    """Return a cluster's ledger, or None if it has borrowed nothing.

    Raises:
        Problem: The file cannot be understood.
    """
    return ledgers.read(path(cluster), VERSION, _parse, hint="README.md, Your NICs")


def foreign(cluster: str) -> str:
    """Return the other checkout that owns the ledger for a cluster's name, or an empty string."""
    ledger = load(cluster)
    return ledger.checkout if ledger and ledgers.is_foreign(ledger.checkout) else ""


def refuse_foreign(cluster: str) -> None:
    """Stop if the ledger for a cluster's name belongs to another checkout.

    Raises:
        Problem: It does.
    """
    lender = foreign(cluster)
    if lender:
        raise Problem(
            f"CLUSTER_NAME: cluster {cluster} of {lender} has network cards of this machine ({path(cluster)})",
            hint=f"another CLUSTER_NAME; or cd {lender} and ./doit nics_restore",
        )


def fresh(cluster: str) -> Ledger:
    """Return an empty ledger of this boot and checkout."""
    return Ledger(cluster, ledgers.boot(), checkout=ledgers.here())


def save(ledger: Ledger) -> None:
    """Write a ledger; it is on the disk when this returns."""
    engine.call("keep_ledger", cluster=ledger.cluster, content={"version": VERSION, **asdict(ledger)})


def alone() -> AbstractContextManager[None]:
    """Wait until no other run on this machine lends or gives back, and keep other runs from doing so.

    Raises:
        Problem: The lock does not exist yet, and sudo was refused.
    """
    # Made by `nic_root`, which some users may run as root and nothing else.
    return ledgers.alone(settings.LEDGERS, lambda _: engine.call("keep_run_lock"))


def drop(cluster: str) -> None:
    """Remove a cluster's ledger."""
    engine.call("drop_ledger", cluster=cluster)


def all_ledgers() -> Iterator[Ledger]:
    """Yield the ledgers of all clusters of this machine."""
    for cluster in ledgers.clusters(settings.LEDGERS):
        ledger = load(cluster)
        if ledger:
            yield ledger


def _parse(data: dict[str, Any]) -> Ledger:
    return Ledger(
        data["cluster"],
        data["boot"],
        {bdf: Record(**_tuples(record)) for bdf, record in data["devices"].items()},
        {node: Loan(**loan) for node, loan in data["loans"].items()},
        data.get("home", False),
        data.get("checkout", ""),
    )


def _tuples(record: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in record.items()}


def capture(
    function: pci.Function, link: engine.Link | None, routes: Sequence[Mapping[str, Any]] = (), namespace: str = HOST
) -> Record:
    """Return a device as it is.

    Args:
        function: Its PCI function.
        link: Its interface, or None if its driver creates none.
        routes: The host's routes; none if the interface is elsewhere.
        namespace: Where the interface is.
    """
    there = link or engine.Link("")
    return Record(
        bdf=function.bdf,
        identity=function.identity,
        permanent_mac="" if function.physical_function else there.permanent_mac or there.mac,
        namespace=namespace,
        name=there.name,
        altnames=there.altnames,
        mac=there.mac,
        mtu=there.mtu,
        up=there.up,
        driver=function.driver,
        num_vfs=function.num_vfs,
        physical_function=function.physical_function,
        addresses=lasting_addresses(there),
        routes=nics_routes.of(there, routes) if link else (),
        vf_settings=there.vf_settings,
    )


def lasting_addresses(link: engine.Link) -> tuple[Mapping[str, Any], ...]:
    """Return the addresses of an interface that nothing but this tool restores."""
    return tuple(_chosen(info, _ADDRESS_FIELDS) for info in link.addresses if not _is_made_again(info, link.mac))


def _is_made_again(info: Mapping[str, Any], mac: str) -> bool:
    by_kernel = info.get("protocol", "").startswith("kernel") or info.get("stable-privacy", False)
    return bool(info.get("dynamic") or info.get("temporary") or by_kernel or info.get("local") == _link_local(mac))


def _link_local(mac: str) -> str:
    """Return the IPv6 address that the kernel derives from a hardware address (EUI-64)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    if len(octets) != 6:  # noqa: PLR2004 - an Ethernet address
        return ""
    host = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return str(IPv6Address(b"\xfe\x80" + bytes(6) + host))


def _chosen(found: Mapping[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {name: found[name] for name in fields if name in found}


def without_reports(link: engine.Link, record: Record, macs: Sequence[str]) -> engine.Link:
    """Return a card's interface without the addresses that its virtual functions gave themselves.

    Some drivers (igb, ixgbe) report these addresses, while others report only prescribed ones. If no address was
    prescribed, such a report is no difference.

    Args:
        link: The card's interface.
        record: The card's record.
        macs: Hardware addresses of its virtual functions, in their order.
    """
    free = {setting["vf"] for setting in record.vf_settings if setting.get("address") == _NOT_PRESCRIBED}

    def prescribed(setting: Mapping[str, Any]) -> Mapping[str, Any]:
        number = setting["vf"]
        reported = number in free and number < len(macs) and setting.get("address") == macs[number]
        return {**setting, "address": _NOT_PRESCRIBED} if reported else setting

    return replace(link, vf_settings=tuple(prescribed(setting) for setting in link.vf_settings))


def differences(wanted: Record, found: Record) -> list[str]:
    """Return a line for each field and route in which a device differs from its record."""
    was, now = (json.loads(json.dumps(asdict(record), sort_keys=True)) for record in (wanted, found))
    routes = nics_routes.differences(was.pop("routes"), now.pop("routes"), wanted.name)
    fields = [f"{name} was {was[name]!r}, is {now[name]!r}" for name in was if was[name] != now[name]]
    return [f"{wanted.bdf} {wanted.name}: {line}" for line in fields + routes]
