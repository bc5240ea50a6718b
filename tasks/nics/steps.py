"""The orders that move a network device or give it fields: pure functions from what is to what should be.

Each step is what `tasks.engines.nic_root.change` carries out.
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
    """Return a name that no other interface has: the PCI address, of at most 15 characters as the kernel wants."""
    return "ok" + bdf.replace(":", "").replace(".", "")


def set_count(bdf: str, now: int, wanted: int) -> list[Step]:
    """Return the steps to another count of virtual functions; the kernel wants 0 in between."""
    counts = [*([0] if now else []), *([wanted] if wanted else [])]
    return [] if now == wanted else [write(bdf, "sriov_numvfs", count) for count in counts]


def move(link: Link, source: Namespace, target: Namespace) -> list[Step]:
    """Return the steps that move an interface to another namespace.

    Other names are taken off first: the kernel refuses a move, and older ones stop (CVE-2024-26634), where one of
    them is in use on the other side. For the same reason it goes under a name of its own where its name is taken, and
    from a pod: pods call theirs alike (net1), so that the second one would find its name taken by the first.
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
    """Return the steps that give an interface a name, also one that udev has made another name of it."""
    own = drop_altnames(link, namespace, {name} & set(link.altnames))
    return [*own, *rename(link, namespace, name)] if link.name != name else []


def drop_altnames(link: Link, namespace: int, names: Iterable[str]) -> list[Step]:
    """Return the steps that take other names off an interface."""
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
    """Return the steps after which an interface has no name that is not its own."""
    steps = drop_altnames(link, namespace, set(link.altnames) - set(record.altnames))
    own = temporary_name(record.bdf)
    return [*steps, *(rename(link, namespace, own) if link.name not in (record.name, own) else [])]


def give_back_fields(record: Record, link: Link, namespace: int) -> list[Step]:
    """Return the steps from what an interface is to what it was."""

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
    """Return the steps to the recorded routes that an interface lacks.

    Args:
        record: What the interface was.
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
    """Return the steps that take away addresses which were not there, or are in another order.

    First, since going down would take some by itself; backwards, since a primary one takes the others along.
    """
    present = lasting_addresses(link)
    if present == record.addresses[: len(present)]:
        return []
    return [ip(namespace, "address", "del", _with_prefix(info), "dev", link.name) for info in reversed(present)]


def _addresses(record: Record, link: Link, namespace: int, *, stayed_up: bool) -> list[Step]:
    """Return the steps to the recorded addresses, in their order: the first of a subnet is its primary one.

    Of IPv6 the kernel lists the newest address first, and prefers it.
    """
    if stayed_up == record.up and lasting_addresses(link) == record.addresses:
        return []
    late = [info for info in reversed(record.addresses) if info["family"] == "inet6"]
    order = [*(info for info in record.addresses if info["family"] != "inet6"), *late]
    return [ip(namespace, "address", "replace", *_address_words(info), "dev", record.name) for info in order]


def _with_prefix(info: Mapping[str, Any]) -> str:
    return f"{info['local']}/{info['prefixlen']}"


def _address_words(info: Mapping[str, Any]) -> list[object]:
    # Where there is a peer, `local` is ours without a prefix and `address` is the other end's.
    place = (
        [info["local"], "peer", f"{info['address']}/{info['prefixlen']}"] if "address" in info else [_with_prefix(info)]
    )
    named = [(name, info[name]) for name in ("broadcast", "scope", "metric") if name in info]
    label = [("label", info["label"])] if "label" in info else []
    flags = [name for name in ADDRESS_FLAGS if info.get(name)]
    return [*place, *(word for pair in (*named, *label) for word in pair), *flags]


def _vf_settings(record: Record, link: Link, change: Any) -> list[Step]:
    """Return the steps to what the card prescribed for its virtual functions; its driver numbers them."""
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
