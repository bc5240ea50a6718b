"""The steps that move a network device or set its fields: pure functions of the present and the wanted state.

`tasks.engines.nic_root.change` carries them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.engines.host import pci
from tasks.nics import routes as nics_routes
from tasks.nics.ledger import ADDRESS_FLAGS, lasting_addresses

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tasks.engines.host.namespaces import Link, Namespace
    from tasks.nics.ledger import Record

Step = dict[str, Any]

_VF_WORDS = (("address", "mac"), ("link_state", "state"))
_VF_SWITCHES = ("spoofchk", "trust")
_VF_RATES = ("max_tx", "min_tx")


def ip(namespace: int, *words: object) -> Step:
    """Return the step that runs `ip` in a namespace."""
    return {"namespace": namespace, "ip": [str(word) for word in words]}


def write(bdf: str, file: str, text: object) -> Step:
    """Return the step that writes a file of a PCI function."""
    return {"write": str(pci.folder(bdf) / file), "text": str(text)}


def temporary_name(bdf: str) -> str:
    """Return a name that no other interface has: its PCI address, within the kernel's limit of 15 characters."""
    return "ok" + bdf.replace(":", "").replace(".", "")


def set_count(bdf: str, now: int, wanted: int) -> list[Step]:
    """Return the steps that change the number of virtual functions; the kernel requires 0 in between."""
    counts = [*([0] if now else []), *([wanted] if wanted else [])]
    return [] if now == wanted else [write(bdf, "sriov_numvfs", count) for count in counts]


def move(link: Link, source: Namespace, target: Namespace) -> list[Step]:
    """Return the steps that move an interface to another namespace.

    Altnames are removed first: if one of them is in use in the target, the kernel refuses the move, and older kernels
    crash (CVE-2024-26634). For the same reason, the interface gets a name of its own if its name is in use in the
    target, or if it comes from a pod: pods use the same name (net1), so the second one would find its name taken.
    """
    steps = drop_altnames(link, source.inode, link.altnames)
    name = link.name
    if target.named(name) or not (source.host or source.node):
        name = temporary_name(link.bdf)
        steps += rename(link, source.inode, name)
    return [*steps, ip(source.inode, "link", "set", "dev", name, "netns", f"@{target.inode}")]


def rename(link: Link, namespace: int, name: str) -> list[Step]:
    """Return the steps that give an interface another name, which most kernels allow only while it is down."""
    return [
        ip(namespace, "link", "set", "dev", link.name, "down"),
        ip(namespace, "link", "set", "dev", link.name, "name", name),
    ]


def take_name(link: Link, namespace: int, name: str) -> list[Step]:
    """Return the steps that give an interface a name, even one that udev has made its altname."""
    own = drop_altnames(link, namespace, {name} & set(link.altnames))
    return [*own, *rename(link, namespace, name)] if link.name != name else []


def drop_altnames(link: Link, namespace: int, names: Iterable[str]) -> list[Step]:
    """Return the steps that remove altnames from an interface."""
    return [ip(namespace, "link", "property", "del", "dev", link.name, "altname", name) for name in names]


def bind(bdf: str, driver: str, wanted: str) -> list[Step]:
    """Return the steps that bind a function to another driver."""
    if driver == wanted:
        return []
    unbind = [write(bdf, "driver/unbind", bdf)] if driver else []
    if not wanted:
        return unbind
    probe = {"write": "/sys/bus/pci/drivers_probe", "text": bdf}
    # An empty line ends the override, so that the next driver is found by the device's identity again.
    return [*unbind, write(bdf, "driver_override", wanted), probe, write(bdf, "driver_override", "\n")]


def make_way(record: Record, link: Link, namespace: int) -> list[Step]:
    """Return the steps that remove every name of an interface that is not its own."""
    steps = drop_altnames(link, namespace, set(link.altnames) - set(record.altnames))
    own = temporary_name(record.bdf)
    return [*steps, *(rename(link, namespace, own) if link.name not in (record.name, own) else [])]


def give_back_fields(record: Record, link: Link, namespace: int) -> list[Step]:
    """Return the steps that restore the recorded fields of an interface."""

    def change(*words: object) -> Step:
        return ip(namespace, "link", "set", "dev", record.name, *words)

    renamed = take_name(link, namespace, record.name)
    mac = [change("down"), change("address", record.mac)] if link.mac != record.mac else []
    is_up = link.up and not renamed and not mac
    return [
        *_surplus(record, link, namespace),
        *renamed,
        *mac,
        *([change("mtu", record.mtu)] if link.mtu != record.mtu else []),
        *(ip(namespace, "link", "property", "add", "dev", record.name, "altname", name)
          for name in record.altnames if name not in link.altnames),
        *_vf_settings(record, link, change),
        *([change("up" if record.up else "down")] if is_up != record.up else []),
        *_addresses(record, link, namespace, stayed_up=is_up),
    ]  # fmt: skip


def give_back_routes(record: Record, routes: Sequence[Mapping[str, Any]], namespace: int) -> list[Step]:
    """Return the steps that add the recorded routes that an interface lacks.

    Args:
        record: The record of the interface.
        routes: The host's routes.
        namespace: Inode of the host's namespace.
    """
    name = record.name
    lacking = [(route, nics_routes.remnant(route, name, routes)) for route in
               nics_routes.missing(record.routes, name, routes)]  # fmt: skip
    return [
        ip(namespace, *nics_routes.words(verb, changed, name))
        for route, remnant in lacking
        for verb, changed in (*([("del", remnant)] if remnant else []), ("append", route))
    ]


def _surplus(record: Record, link: Link, namespace: int) -> list[Step]:
    """Return the steps that remove the addresses of an interface, if some are new or in another order.

    These steps come first, because an interface that goes down loses some addresses by itself. They go backwards,
    because the kernel removes the others of a subnet along with its primary address.
    """
    present = lasting_addresses(link)
    if present == record.addresses[: len(present)]:
        return []
    return [ip(namespace, "address", "del", _with_prefix(info), "dev", link.name) for info in reversed(present)]


def _addresses(record: Record, link: Link, namespace: int, *, stayed_up: bool) -> list[Step]:
    """Return the steps that set the recorded addresses in their order: the first of a subnet is its primary one.

    For IPv6, the kernel lists the newest address first, and prefers it.
    """
    if stayed_up == record.up and lasting_addresses(link) == record.addresses:
        return []
    late = [info for info in reversed(record.addresses) if info["family"] == "inet6"]
    order = [*(info for info in record.addresses if info["family"] != "inet6"), *late]
    return [ip(namespace, "address", "replace", *_address_words(info), "dev", record.name) for info in order]


def _with_prefix(info: Mapping[str, Any]) -> str:
    return f"{info['local']}/{info['prefixlen']}"


def _address_words(info: Mapping[str, Any]) -> list[object]:
    # If there is a peer, `local` is the interface's own address without a prefix, and `address` is the peer's.
    place = (
        [info["local"], "peer", f"{info['address']}/{info['prefixlen']}"] if "address" in info else [_with_prefix(info)]
    )
    named = [(name, info[name]) for name in ("broadcast", "scope", "metric") if name in info]
    label = [("label", info["label"])] if "label" in info else []
    flags = [name for name in ADDRESS_FLAGS if info.get(name)]
    return [*place, *(word for pair in (*named, *label) for word in pair), *flags]


def _vf_settings(record: Record, link: Link, change: Any) -> list[Step]:
    """Return the steps that restore what the card prescribed for its virtual functions, by their numbers."""
    present = {found["vf"]: found for found in link.vf_settings}
    return [
        change("vf", wanted["vf"], *words)
        for wanted in record.vf_settings
        for words in _vf_words(wanted, present.get(wanted["vf"], wanted))
    ]


def _vf_words(wanted: Mapping[str, Any], present: Mapping[str, Any]) -> list[Sequence[object]]:
    named = [(word, wanted[name]) for name, word in _VF_WORDS if wanted.get(name) != present.get(name)]
    switches = [
        (name, "on" if wanted[name] else "off") for name in _VF_SWITCHES if wanted.get(name) != present.get(name)
    ]
    rate, present_rate = wanted.get("rate", {}), present.get("rate", {})
    rates = [(f"{name}_rate", rate[name]) for name in _VF_RATES if rate.get(name) != present_rate.get(name)]
    vlan = (wanted.get("vlan_list") or [{}])[0]
    vlans = (
        [("vlan", vlan.get("vlan", 0), "qos", vlan.get("qos", 0))]
        if wanted.get("vlan_list") != present.get("vlan_list")
        else []
    )
    return [*named, *switches, *rates, *vlans]
