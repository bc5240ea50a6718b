"""What a pattern refers to: each thing has to be in its files, as the controller takes it. All functions are pure.

DataFlow > FunctionChain > FunctionTypes > functioninfo > configuration; `functions` checks the last two.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from tasks.patterns import functions, places
from tasks.patterns.found import CONFIGURATION, Found
from tasks.patterns.objects import CONFIG_MAP, DATA_FLOW, FUNCTION_CHAIN, FUNCTION_TYPE
from tasks.settings import controller
from tasks.similar import meant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tasks.patterns.model import Pattern
    from tasks.patterns.objects import Item

START, END = "wb-start-of-chain", "wb-end-of-chain"
# ConfigMaps of this tool in the namespaces of patterns: they say where functions are placed.
REQUIREMENT, STRATEGY = "user-requirement", "strategy"
# ConfigMaps that the cluster makes in each namespace, and those that the controller reads.
_TAKEN = {
    "kube-root-ca.crt",
    *controller.REQUIRED_CONFIGURATION,
    *controller.OPTIONAL_CONFIGURATION,
    *(name for part in controller.COMPONENTS for name in part.reads),
}
_NAME = ("metadata", "name")


def complaints(pattern: Pattern, items: Iterable[Item]) -> list[str]:
    """Return what a pattern's files lack for it, one line each: `path:line: field: reason`.

    Args:
        pattern: The pattern.
        items: The objects in its files.
    """
    found = Found(pattern, tuple(items))
    checks = (_whereabouts, _data_flow, _chain, _types, functions.complaints)
    return [*dict.fromkeys(line for check in checks for line in check(found))]


def clashes(items: Iterable[Item], others: Iterable[Item]) -> list[str]:
    """Return which objects of a pattern another pattern would overwrite, or be taken for, one line each.

    Args:
        items: The objects of the pattern.
        others: Those of all other patterns.
    """
    by_label: dict[str, list[Item]] = {}
    by_function: dict[tuple[str, ...], list[Item]] = {}
    for other in others:
        by_label.setdefault(other.label, []).append(other)
        by_function.setdefault(_function(other), []).append(other)
    found: list[str] = []
    for item in items:
        same = [other for other in by_label.get(item.label, ()) if other.body != item.body]
        found += [item.wrong(f"{item.label} is another one in {other.file}", *_NAME) for other in same]
        alike = [other for other in by_function.get(_function(item), ()) if other.label != item.label]
        for other in alike if item.kind == FUNCTION_TYPE else ():
            reason = f"{other.label} in {other.file} is of the same function and version: the controller takes either"
            found.append(item.wrong(reason, "spec", "functionName"))
    return [*dict.fromkeys(found)]


def _function(item: Item) -> tuple[str, ...]:
    """Return the namespace, function and version of a FunctionType; nothing of another kind."""
    return (item.namespace, item.form.spec.function, item.form.spec.version) if item.kind == FUNCTION_TYPE else ()


def _whereabouts(found: Found) -> Iterator[str]:
    """Yield the objects that are in another namespace, are there twice, or have a name that is taken."""
    times = Counter(item.label for item in found.items)
    for item in found.items:
        here = [found.pattern.namespace, *([CONFIGURATION] if item.kind == CONFIG_MAP else [])]
        if item.namespace not in here:
            yield item.wrong(f"{item.namespace!r} is not {' or '.join(here)}", "metadata", "namespace")
        if times[item.label] > 1:
            yield item.wrong(f"{item.label} is there {times[item.label]} times", *_NAME)
        if item.kind == CONFIG_MAP and _is_taken(item):
            yield item.wrong(f"{item.name!r} is a ConfigMap of the cluster, the controller or this tool", *_NAME)


def _is_taken(item: Item) -> bool:
    """Return whether a ConfigMap would overwrite one that is no pattern's."""
    if item.namespace == CONFIGURATION:
        return item.name in _TAKEN
    return item.name in {STRATEGY, *_TAKEN} or item.name.startswith(REQUIREMENT)


def _data_flow(found: Found) -> Iterator[str]:
    pattern = found.pattern
    for item in found.of(DATA_FLOW):
        if item.name != pattern.dataflow:
            yield item.wrong(f"{item.name!r} is not the dataflow of {pattern.file}: {pattern.dataflow}", *_NAME)
            continue
        spec = item.form.spec
        if found.named(FUNCTION_CHAIN, spec.chain.namespace, spec.chain.name) is None:
            near = meant(spec.chain.name, (one.name for one in found.of(FUNCTION_CHAIN)))
            yield item.wrong(f"no FunctionChain {spec.chain} in these files{near}", "spec", "functionChainRef")
        asked = spec.placement
        if asked and found.named(CONFIG_MAP, item.namespace, asked) is None and not asked.startswith(REQUIREMENT):
            yield item.wrong(f"no ConfigMap {item.namespace}/{asked} in these files", "spec", "userRequirement")
    if not found.of(DATA_FLOW):
        yield f"{places.shown_folder(pattern)}: holds no DataFlow {pattern.dataflow}"


def _chain(found: Found) -> Iterator[str]:
    """Yield where a chain does not lead through the pattern's functions in their order."""
    pattern, chain = found.pattern, found.chain()
    for other in found.of(FUNCTION_CHAIN):
        if chain is not None and other is not chain:
            yield other.wrong(f"{other.name!r} is not the chain of {pattern.dataflow}", *_NAME)
    if chain is None:
        return
    spec, keys = chain.form.spec, [hop.key for hop in pattern.hops]
    if spec.types_in != pattern.namespace:
        yield chain.wrong(f"{spec.types_in!r} is not {pattern.namespace}", "spec", "functionTypeNamespace")
    for key in spec.functions:
        if key not in keys:
            near = meant(key, keys)
            yield chain.wrong(f"is the key of no function in {pattern.file}{near}", "spec", "functions", key)
    for key in keys:
        if key not in spec.functions:
            yield chain.wrong(f"has no {key}, which {pattern.file} names", "spec", "functions")
    yield from _connections(chain, [START, *keys, END])


def _connections(chain: Item, way: Sequence[str]) -> Iterator[str]:
    wanted = [*pairwise(way)]
    there = [(each.sender.key, each.receiver.key) for each in chain.form.spec.connections]
    for number, pair in enumerate(there):
        if pair not in wanted:
            reason = f"{pair[0]} > {pair[1]} is no step of {' > '.join(way)}"
            yield chain.wrong(reason, "spec", "connections", number)
        elif pair in there[:number]:
            yield chain.wrong(f"{pair[0]} > {pair[1]} is there twice", "spec", "connections", number)
    for pair in wanted:
        if pair not in there:
            yield chain.wrong(f"{pair[0]} > {pair[1]} is missing", "spec", "connections")


def _types(found: Found) -> Iterator[str]:
    """Yield the functions of the chain without a type, and the types without their ConfigMap."""
    known = [f"{one.form.spec.function} {one.form.spec.version}" for one in found.of(FUNCTION_TYPE)]
    for chain in filter(None, [found.chain()]):
        for key, used in chain.form.spec.functions.items():
            wanted = f"{used.function} {used.version}"
            if wanted not in known:
                reason = f"no FunctionType of {wanted} in these files{meant(wanted, known)}"
                yield chain.wrong(reason, "spec", "functions", key)
    seen: dict[tuple[str, str], Item] = {}
    for item in found.of(FUNCTION_TYPE):
        spec = item.form.spec
        if (spec.function, spec.version) in seen:
            yield item.wrong(f"{spec.function} {spec.version} has two FunctionTypes", "spec", "functionName")
        seen[spec.function, spec.version] = item
        if found.named(CONFIG_MAP, spec.information.namespace, spec.information.name) is None:
            near = meant(spec.information.name, (one.name for one in found.of(CONFIG_MAP)))
            yield item.wrong(f"no ConfigMap {spec.information} in these files{near}", "spec", "functionInfoCMRef")
