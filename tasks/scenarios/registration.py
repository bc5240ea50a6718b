"""Registers what a pattern's dataflow refers to: configuration, function types and the chain, in order, each Ready."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import progress
from tasks.controller import gpu_types, kinds
from tasks.controller.kinds import ERROR, SILENT
from tasks.engines.kube import access, manifests
from tasks.engines.programs import waiting
from tasks.lack import Lack
from tasks.patterns import known
from tasks.scenarios import files, needs
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.settings.parameters.model import Parameters

_RETRIGGERED = "openkasugai.dev/retriggered"
# An object whose controller gives it no status for this many seconds is shown to it again.
_SILENCE = 10.0
# Begins the state of a function type that its controller judged before a device was added that the function can run on.
_OUTDATED = "Ready, but not for "
_PHRASES = {ERROR: "is in Error", SILENT: "has no status"}


def lack(name: str) -> Lack:
    """Return the objects of a pattern that are not registered as its files say, or not Ready.

    Args:
        name: Name of a pattern.
    """
    return _lack([name], parameters.current())


def lack_of_runnable() -> Lack:
    """Return the objects of all runnable patterns that are not registered, or not Ready."""
    chosen = parameters.current()
    return _lack(needs.runnable(needs.machine(chosen)), chosen)


def _lack(names: Iterable[str], chosen: Parameters) -> Lack:
    cluster = access.cluster(chosen.cluster_name)
    wanted = _together(cluster, names, chosen)
    waits = tuple(
        f"{kind} {name}: {found}"
        for kind in wanted.resources
        for name, found in wanted.not_ready(cluster, kind).items()
    )
    return Lack(waits) + cluster.lack(wanted.objects)


def register(name: str) -> None:
    """Register a pattern.

    Args:
        name: Name of a pattern.

    Raises:
        Problem: A file names no image of its pattern, or something does not become Ready within DATAFLOW_DEADLINE.
    """
    _register([name], parameters.current())


def register_runnable() -> None:
    """Register every pattern that can run here.

    Raises:
        Problem: As for one pattern.
    """
    chosen = parameters.current()
    names = needs.runnable(needs.machine(chosen))
    _register(names, chosen)
    if len(names) < len(known.patterns()):
        left_out = len(known.patterns()) - len(names)
        progress.line(f"{left_out} patterns are not registered: each was listed with what it lacks")


def _register(names: Sequence[str], chosen: Parameters) -> None:
    """Register patterns: all their configuration, then all function types, then all chains; wait for each kind.

    The order matters only between kinds, so objects of the same kind are sent and awaited together.
    """
    cluster = access.cluster(chosen.cluster_name)
    wanted = _together(cluster, names, chosen)
    applied = [cluster.apply(wanted.settings)]
    for kind, items in wanted.resources.items():
        applied.append(cluster.apply(items))
        _await_ready(cluster, kind, wanted, chosen.dataflow_deadline)
    changed = sum(len(each.changed) for each in applied)
    unchanged = sum(each.unchanged for each in applied)
    progress.line(f"{', '.join(names)}: {changed} objects registered, {unchanged} were there")


@dataclass(frozen=True)
class _Wanted:
    """What patterns refer to: their configuration, and the objects that have to become Ready, by kind."""

    settings: list[Object]
    resources: dict[Kind, list[Object]]

    @property
    def objects(self) -> list[Object]:
        return [*self.settings, *(item for items in self.resources.values() for item in items)]

    def not_ready(self, cluster: Kube, kind: Kind) -> dict[str, str]:
        """Return the state of each object of a kind that is not Ready, or not for all that its function can run on."""
        outdated = self._outdated(cluster) if kind == kinds.FUNCTION_TYPE else {}
        return outdated | kinds.not_ready(cluster, kind, self.resources[kind])

    def _outdated(self, cluster: Kube) -> dict[str, str]:
        regions = {manifests.label_of(item): gpu_types.regions(item) for item in self.settings}
        live = {manifests.label_of(item): item.get("status", {}) for item in cluster.list(kinds.FUNCTION_TYPE)}
        missing: dict[str, frozenset[str]] = {}
        for item in self.resources[kinds.FUNCTION_TYPE]:
            where = item["spec"]["functionInfoCMRef"]
            wanted = regions.get(f"{manifests.CONFIG_MAP} {where['namespace']}/{where['name']}", frozenset())
            judged = live.get(manifests.label_of(item), {}).get("regionTypeCandidates", wanted)
            missing[manifests.name_of(item)] = wanted - set(judged)
        return {name: f"{_OUTDATED}{', '.join(sorted(types))}" for name, types in missing.items() if types}


def _together(cluster: Kube, names: Iterable[str], chosen: Parameters) -> _Wanted:
    """Return what patterns refer to; objects that several of them share are there once."""
    scenarios = files.of_all(cluster, map(known.named, names), chosen)
    by_kind: dict[Kind, list[Object]] = {}
    for scenario in scenarios:
        for kind, items in scenario.resources().items():
            by_kind.setdefault(kind, []).extend(items)
    settings = _each_once(item for scenario in scenarios for item in scenario.configuration())
    return _Wanted(settings, {kind: _each_once(items) for kind, items in by_kind.items()})


def _each_once(items: Iterable[Object]) -> list[Object]:
    return list({manifests.label_of(item): item for item in items}.values())


def _await_ready(cluster: Kube, kind: Kind, wanted: _Wanted, deadline: float) -> None:
    """Wait until objects are Ready; retrigger those that the controller does not look at again by itself."""
    items = wanted.resources[kind]
    where = {manifests.name_of(item): manifests.namespace_of(item) for item in items}
    namespaces = ", ".join(kinds.namespaces_of(items))
    stuck = _Stuck()

    def observe() -> dict[str, str]:
        seen = wanted.not_ready(cluster, kind)
        for name, found in stuck.among(seen):
            progress.line(f"{kind} {name} {found}: asking the controller to look again")
            cluster.patch(kind, name, where[name], {"metadata": {"annotations": {_RETRIGGERED: str(time.time())}}})
        return seen

    waiting.Condition(
        f"{kind}s of {namespaces}: Ready",
        observe,
        lambda missing: not missing,
        describe=lambda missing: ", ".join(f"{name} {found}" for name, found in missing.items()),
    ).wait(deadline, hint=f"./doit kubectl -n {next(iter(where.values()))} describe {kind.name.lower()}")


class _Stuck:
    """Chooses the objects to show to their controller again: those in Error once, silent ones every few seconds.

    A chain that came before its types stays in Error. The controller forgets a type whose ConfigMap it could not read
    at the first attempt (controller 1.0.0, functiontype_controller.go), and does not see when that changes: such a type
    is shown at once, and every few seconds.
    """

    def __init__(self) -> None:
        self._shown: set[str] = set()
        self._asked = time.monotonic()

    def among(self, seen: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the name of each of these objects, and what is wrong with it."""
        final = (name for name, found in seen.items() if found == ERROR or _is_outdated(found))
        names = [name for name in final if name not in self._shown]
        self._shown.update(names)
        return [(name, _PHRASES.get(seen[name], f"is {seen[name]}")) for name in [*names, *self._silent(seen)]]

    def _silent(self, seen: Mapping[str, str]) -> list[str]:
        if time.monotonic() - self._asked < _SILENCE:
            return []
        self._asked = time.monotonic()
        return [name for name, found in seen.items() if found == SILENT or _is_outdated(found)]


def _is_outdated(found: str) -> bool:
    return found.startswith(_OUTDATED)
