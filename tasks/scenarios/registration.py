"""Registers what a pattern's dataflow refers to: configuration, function types and the chain, in order, each Ready."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tasks import progress, reasons
from tasks.controller import kinds
from tasks.controller.kinds import ERROR, SILENT
from tasks.engines.kube import access, manifests
from tasks.engines.programs import waiting
from tasks.scenarios import files, needs
from tasks.settings import parameters, patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Kind, Object
_RETRIGGERED = "openkasugai.dev/retriggered"
# Seconds without a word of its controller after which an object is shown to it again.
_SILENCE = 10.0


def is_current(*names: str) -> bool:
    """Tell whether patterns are registered as their files say, and Ready.

    Args:
        names: Names of patterns.
    """
    cluster = access.cluster()
    settings, by_kind = _together(names)
    wanted = [*settings, *(item for items in by_kind.values() for item in items)]
    waits = [
        f"{kind} {name}: {found}"
        for kind, items in by_kind.items()
        for name, found in kinds.not_ready(cluster, kind, items).items()
    ]
    for wait in waits:
        reasons.note(wait)
    return cluster.is_current(wanted) and not waits


def register(*names: str) -> None:
    """Register patterns: all their configuration, then all function types, then all chains, each kind awaited.

    What has to come in order is of different kinds; objects of one kind are sent and awaited at the same time.

    Args:
        names: Names of patterns.

    Raises:
        Problem: A file names no image of its pattern, or something does not become Ready within DATAFLOW_DEADLINE.
    """
    cluster = access.cluster()
    settings, by_kind = _together(names)
    applied = [cluster.apply(settings)]
    for kind, items in by_kind.items():
        applied.append(cluster.apply(items))
        _await_ready(cluster, kind, items)
    changed = sum(len(each.changed) for each in applied)
    unchanged = sum(each.unchanged for each in applied)
    progress.line(f"{', '.join(names)}: {changed} objects registered, {unchanged} were there")


def _together(names: Iterable[str]) -> tuple[list[Object], dict[Kind, list[Object]]]:
    """Return the configuration and the resources of patterns; what several of them share is there once."""
    chosen = [patterns.BY_NAME[name] for name in names]
    by_kind: dict[Kind, list[Object]] = {}
    for pattern in chosen:
        for kind, items in files.resources(pattern).items():
            by_kind.setdefault(kind, []).extend(items)
    settings = _each_once(item for pattern in chosen for item in files.configuration(pattern))
    return settings, {kind: _each_once(items) for kind, items in by_kind.items()}


def _each_once(items: Iterable[Object]) -> list[Object]:
    return list({manifests.label_of(item): item for item in items}.values())


def _await_ready(cluster: Kube, kind: Kind, items: list[Object]) -> None:
    """Wait until objects are Ready; what the controller does not look at again by itself is shown to it again."""
    where = {manifests.name_of(item): manifests.namespace_of(item) for item in items}
    namespaces = ", ".join(kinds.namespaces_of(items))
    stuck = _Stuck()

    def observe() -> dict[str, str]:
        seen = kinds.not_ready(cluster, kind, items)
        for name, found in stuck.among(seen):
            progress.line(f"{kind} {name} {found}: asking the controller to look again")
            cluster.patch(kind, name, where[name], {"metadata": {"annotations": {_RETRIGGERED: str(time.time())}}})
        return seen

    waiting.until(
        f"{kind}s of {namespaces}: Ready",
        observe,
        lambda missing: not missing,
        deadline=parameters.current().dataflow_deadline,
        describe=lambda missing: ", ".join(f"{name} {found}" for name, found in missing.items()),
        hint=f"kubectl -n {next(iter(where.values()))} describe {kind.name.lower()}",
    )


class _Stuck:
    """Tells which objects to show to their controller again: each in Error once, silent ones every few seconds.

    A chain that came before its types stays in Error; a type whose ConfigMap could not be read at the first attempt is
    forgotten (controller 1.0.0, functiontype_controller.go).
    """

    def __init__(self) -> None:
        self._in_error: set[str] = set()
        self._asked = time.monotonic()

    def among(self, seen: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the name of each, and what is wrong with it."""
        failed = [name for name, found in seen.items() if found == ERROR and name not in self._in_error]
        self._in_error.update(failed)
        return [*((name, "is in Error") for name in failed), *((name, "has no status") for name in self._silent(seen))]

    def _silent(self, seen: Mapping[str, str]) -> list[str]:
        if time.monotonic() - self._asked < _SILENCE:
            return []
        self._asked = time.monotonic()
        return [name for name, found in seen.items() if found == SILENT]


def register_runnable() -> None:
    """Register every pattern that lacks nothing."""
    chosen = needs.runnable()
    register(*chosen)
    if len(chosen) < len(patterns.PATTERNS):
        progress.line(f"{len(patterns.PATTERNS) - len(chosen)} patterns are not: each was named with what it lacks")


def all_are_current() -> bool:
    """Tell whether every pattern that lacks nothing is registered and Ready."""
    return is_current(*needs.runnable())
