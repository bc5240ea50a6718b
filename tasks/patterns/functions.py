"""How the functions of a pattern are run: the configuration that each one refers to, as the controller takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.archive import facts
from tasks.patterns import function_data
from tasks.patterns.found import CONFIGURATION
from tasks.patterns.function_data import ITEMS, SPEC, Deployable, Entry, Specification
from tasks.patterns.objects import CONFIG_MAP, FUNCTION_TYPE
from tasks.similar import meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.patterns.found import Found
    from tasks.patterns.model import Hop
    from tasks.patterns.objects import Item

# What the controller calls the ends of a chain, and connections between functions, in the configuration of a function.
_OUTSIDE, _INSIDE = ("RTP",), ("TCP", "DMA")
# The registry that the scenarios name: its images are replaced by those of this installation.
_REPLACED = ("localhost",)
# The networks that the functions of a pattern may have.
_NETWORKS = {"clusterip": {"clusterip"}, "loadbalancer": {"loadbalancer", "clusterip"}, "sriov": {"sriov"}}


@dataclass(frozen=True)
class _Way:
    """A way to run a function.

    Attributes:
        information: The ConfigMap that says so.
        number: Which one it is there.
        item: What it says.
    """

    information: Item
    number: int
    item: Deployable

    def wrong(self, reason: str, field: str) -> str:
        return self.information.wrong(reason, "data", ITEMS, self.number, field)


def complaints(found: Found) -> Iterator[str]:
    """Yield what is wrong with how functions are run.

    Args:
        found: The objects in the files of a pattern.
    """
    used: list[tuple[Item, Entry]] = []
    wrong = [*_each(found, used), *_networks(found, used), *_unnamed_images(found, used)]
    yield from wrong
    if not wrong and used:
        run = {facts.image_name(each) for _, entry in used for each in entry.images}
        absent = [image for image in found.pattern.images if image not in run]
        yield from (f"{found.pattern.file}: images: no function in these files runs {image}" for image in absent)


def _each(found: Found, used: list[tuple[Item, Entry]]) -> Iterator[str]:
    """Yield what is wrong with each function by itself; add the entries that are used."""
    for item in found.of(FUNCTION_TYPE):
        yield from _information(found, item)
    for hop in found.pattern.hops:
        ways = _ways(found, hop)
        yield from _kind_of_region(hop, ways)
        for way in ways:
            yield from _configuration(found, hop, way, used)


def _informing(found: Found, function_type: Item) -> Item | None:
    where = function_type.form.spec.information
    return found.named(CONFIG_MAP, where.namespace, where.name)


def _information(found: Found, function_type: Item) -> Iterator[str]:
    """Yield what is wrong with the lists of a functioninfo."""
    information = _informing(found, function_type)
    if information is None:
        return
    items, wrong_items = function_data.parsed(information, ITEMS, Deployable)
    specifications, wrong = function_data.parsed(information, SPEC, Specification)
    yield from (*wrong_items, *wrong)
    if not wrong_items and not items:
        yield information.wrong("names no region", "data", ITEMS)
    names = [each.name for each in specifications]
    for number, item in enumerate(items):
        way = _Way(information, number, item)
        if not wrong and item.specification not in names:
            yield way.wrong(f"{item.specification!r} is not in {SPEC}{meant(item.specification, names)}", "specName")
        if found.configuration(item.configuration) is None:
            near = meant(item.configuration, (one.name for one in found.of(CONFIG_MAP)))
            named = f"{CONFIGURATION}/{item.configuration}"
            yield way.wrong(f"no ConfigMap {named} in these files{near}", "configName")
    if specifications and not any(each.is_for_a_chain for each in specifications):
        yield information.wrong("allows no connection in and out (maxInputNum, maxOutputNum)", "data", SPEC)


def _ways(found: Found, hop: Hop) -> list[_Way]:
    function_type = found.type_of(hop)
    information = _informing(found, function_type) if function_type else None
    if information is None:
        return []
    return [
        _Way(information, number, item)
        for number, item in enumerate(function_data.parsed(information, ITEMS, Deployable)[0])
    ]


def _kind_of_region(hop: Hop, ways: list[_Way]) -> Iterator[str]:
    on_gpu = [way.item.is_on_gpu for way in ways]
    if hop.is_on_gpu and ways and not any(on_gpu):
        yield ways[0].wrong(f"{hop.key} has gpu: true, but is on no GPU here", "regionType")
    if not hop.is_on_gpu and on_gpu and all(on_gpu):
        yield ways[0].wrong(f"{hop.key} has no gpu: true, but is on a GPU here", "regionType")


def _configuration(found: Found, hop: Hop, way: _Way, used: list[tuple[Item, Entry]]) -> Iterator[str]:
    """Yield what is wrong with the pods of a function for its place in the chain; add the entries that are used."""
    configuration = found.configuration(way.item.configuration)
    if configuration is None:
        return
    if len(configuration.form.data) != 1:
        yield configuration.wrong(f"holds {len(configuration.form.data)} lists; the controller takes one", "data")
        return
    (field,) = configuration.form.data
    entries, wrong = function_data.parsed(configuration, field, Entry)
    yield from wrong
    if wrong:
        return
    is_first, is_last = hop is found.pattern.hops[0], hop is found.pattern.hops[-1]
    if is_first and way.item.is_on_gpu:
        yield way.wrong(f"{hop.key} is the first function: the controller starts none on a GPU", "regionType")
        return
    receives, sends = (_OUTSIDE if is_first else _INSIDE), (_OUTSIDE if is_last else _INSIDE)
    fitting = [each for each in entries if each.receives in receives and each.sends in sends]
    if not fitting:
        protocols = f"rxProtocol {receives[0]} and txProtocol {sends[0]}"
        yield configuration.wrong(f"has no entry with {protocols}, which {hop.key} needs", "data", field)
    used += [(configuration, each) for each in fitting]
    yield from _pods(hop, configuration, fitting)


def _pods(hop: Hop, configuration: Item, entries: list[Entry]) -> Iterator[str]:
    (field,) = configuration.form.data
    for entry in entries:
        names = dict.fromkeys(map(facts.image_name, entry.images))
        if hop.image not in names:
            yield configuration.wrong(f"runs {', '.join(names)}, but {hop.key} is to run {hop.image}", "data", field)
        if entry.network != function_data.SRIOV and not entry.has_ports:
            yield configuration.wrong(f"has no containerPort, at which {hop.key} is reached", "data", field)


def _networks(found: Found, used: list[tuple[Item, Entry]]) -> Iterator[str]:
    network = found.pattern.network
    for configuration, entry in used:
        if entry.network not in _NETWORKS[network]:
            there = f"has the network {entry.network!r}" if entry.network else f"has no {function_data.NETWORK}"
            yield configuration.wrong(f"{there}, but {found.pattern.file} says network: {network}", "data")
    if used and all(entry.network in _NETWORKS[network] - {network} for _, entry in used):
        yield used[0][0].wrong(f"no function has the network {network} of {found.pattern.file}", "data")


def _unnamed_images(found: Found, used: list[tuple[Item, Entry]]) -> Iterator[str]:
    """Yield the images that functions run and the pattern does not name: nobody would put them into the registry."""
    for configuration, entry in used:
        names = dict.fromkeys(facts.image_name(each) for each in entry.images if _is_replaced(each))
        for name in names.keys() - {*found.pattern.images}:
            yield configuration.wrong(f"runs {name}, which {found.pattern.file} does not name in images", "data")


def _is_replaced(reference: str) -> bool:
    """Return whether an image is one of this installation, by the registry that a file names."""
    host, is_path, _ = reference.partition("/")
    return not is_path or host in _REPLACED or not set(host) & {".", ":"}
