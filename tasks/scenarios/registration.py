"""Registers what a pattern's dataflow refers to: configuration, function types and the chain, in order, each Ready."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from tasks import progress, reasons
from tasks.archive import deepstream
from tasks.archive import source as archive_source
from tasks.controller import deployment
from tasks.controller.kinds import ERROR, FUNCTION_CHAIN, FUNCTION_TARGET, FUNCTION_TYPE, READY, SILENT, state
from tasks.engines.kube import api, manifests
from tasks.engines.programs import waiting
from tasks.images import archive_images
from tasks.problems import Problem
from tasks.registry import client
from tasks.settings import controller as source
from tasks.settings import parameters, patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.settings.patterns import Pattern

_USER_REQUIREMENT = "user-requirement"
_STRATEGY = "strategy"
_RETRIGGERED = "openkasugai.dev/retriggered"
# Seconds without a word of its controller after which an object is shown to it again.
_SILENCE = 10.0
_IMAGE = re.compile(r'("image(?:URI)?"\s*:\s*")([^"]+)(")')


def namespaces() -> list[Object]:
    """Return the namespaces that functions run in."""
    return [manifests.namespace(name) for name in source.FUNCTION_NAMESPACES]


def namespaces_are_current() -> bool:
    """Tell whether the functions' namespaces are there."""
    return api.cluster().is_current(namespaces())


def create_namespaces() -> None:
    """Create the functions' namespaces."""
    api.cluster().apply(namespaces())


def setup_is_current() -> bool:
    """Tell whether functions may read their configuration and every worker offers its capacity."""
    cluster = api.cluster()
    return cluster.is_current(_bindings()) and not _missing_targets(cluster)


def set_up() -> None:
    """Let functions read what their sidecars watch, and wait until every worker offers its capacity.

    Raises:
        Problem: The controller did not publish a worker's capacity within CONTROLLER_DEADLINE.
    """
    cluster = api.cluster()
    cluster.apply(_bindings())
    waiting.until(
        "FunctionTargets of all workers: Ready",
        lambda: _missing_targets(cluster),
        lambda missing: not missing,
        deadline=parameters.current().controller_deadline,
        describe=lambda missing: ", ".join(f"{name} {seen}" for name, seen in missing.items()),
        explain=lambda: cluster.evidence("default"),
        hint="kubectl logs daemonset/crc-deviceinfo-daemon",
    )


def is_current(*names: str) -> bool:
    """Tell whether patterns are registered as their files say, and Ready.

    Args:
        names: Names of patterns.
    """
    cluster = api.cluster()
    settings, by_kind = _together(names)
    wanted = [*settings, *(item for items in by_kind.values() for item in items)]
    waits = [
        f"{kind} {name}: {found}"
        for kind, items in by_kind.items()
        for name, found in not_ready(cluster, kind, items).items()
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
    cluster = api.cluster()
    settings, by_kind = _together(names)
    applied = [cluster.apply(settings)]
    for kind, items in by_kind.items():
        applied.append(cluster.apply(items))
        _await_ready(cluster, kind, items)
    changed = sum(len(each.changed) for each in applied)
    unchanged = sum(each.unchanged for each in applied)
    progress.line(f"{', '.join(names)}: {changed} objects registered, {unchanged} were there")


def configuration(pattern: Pattern) -> list[Object]:
    """Return the ConfigMaps of a pattern: how its functions are run, what they need, and where they are asked to be."""
    return [*_load(pattern, "cm-cpufunc-config.yaml"), *_load(pattern, "functioninfo.yaml"), *_placement(pattern)]


def require_images(pattern: Pattern) -> None:
    """Stop where the registry lacks an image that a function of a pattern runs.

    Args:
        pattern: The pattern.

    Raises:
        Problem: One line an image, with its name.
    """
    texts = (text for item in configuration(pattern) for text in item.get("data", {}).values())
    client.require(match[2] for text in texts for match in _IMAGE.finditer(text))


def resources(pattern: Pattern) -> dict[Kind, list[Object]]:
    """Return what of a pattern has to become Ready, by kind, in the order in which it has to."""
    return {
        FUNCTION_TYPE: _load(pattern, "functiontype.yaml"),
        FUNCTION_CHAIN: _load(pattern, "functionchain.yaml"),
    }


def data_flow(pattern: Pattern) -> Object:
    """Return the DataFlow of a pattern.

    Raises:
        Problem: The pattern's file does not hold it.
    """
    found = [item for item in _load(pattern, "df-cpufunc.yaml") if manifests.name_of(item) == pattern.dataflow]
    if not found:
        raise Problem(f"{pattern.folder}/df-cpufunc.yaml: holds no DataFlow {pattern.dataflow}")
    requirement = {"userRequirement": _USER_REQUIREMENT} if pattern.on_second_worker else {}
    return {**found[0], "spec": {**found[0]["spec"], **requirement}}


def not_ready(cluster: Kube, kind: Kind, items: list[Object]) -> dict[str, str]:
    """Return the state of each object that is not Ready, by name.

    Args:
        cluster: The API.
        kind: Kind of all the objects.
        items: The objects.
    """
    live = {_place(item): item for namespace in _namespaces(items) for item in cluster.list(kind, namespace)}
    seen = {manifests.name_of(item): state(live.get(_place(item))) for item in items}
    return {name: found for name, found in seen.items() if found != READY}


def requested_nodes(pattern: Pattern) -> dict[str, str]:
    """Return the node that each function of a multi-worker pattern is asked to run on, by key."""
    if not pattern.on_second_worker:
        return {}
    asked = _nodes(pattern.namespace)
    return {hop.key: asked[hop.key] for hop in pattern.hops}


def with_references(text: str, references: Mapping[str, str], needed: tuple[str, ...], origin: str) -> str:
    """Put our image references in the place of those that a file names.

    Args:
        text: YAML with JSON inside, as the scenarios hold it.
        references: Full reference by last path component.
        needed: Images of which at least one reference has to be found.
        origin: The file, for errors.

    Raises:
        Problem: A needed image is named nowhere.
    """
    found = {archive_source.image_name(match[2]) for match in _IMAGE.finditer(text)}
    missing = sorted(set(needed) - found)
    if missing:
        raise Problem(f"{origin}: names no image {', '.join(missing)}, but {', '.join(sorted(found)) or 'none'}")

    def replaced(match: re.Match[str]) -> str:
        return match[1] + references.get(archive_source.image_name(match[2]), match[2]) + match[3]

    return _IMAGE.sub(replaced, text)


def folder(pattern: Pattern) -> Path:
    """Return where the source has the files of a pattern."""
    return archive_source.SOURCE / source.SCENARIOS / pattern.folder


def _together(names: Iterable[str]) -> tuple[list[Object], dict[Kind, list[Object]]]:
    """Return the configuration and the resources of patterns; what several of them share is there once."""
    chosen = [patterns.BY_NAME[name] for name in names]
    by_kind: dict[Kind, list[Object]] = {}
    for pattern in chosen:
        for kind, items in resources(pattern).items():
            by_kind.setdefault(kind, []).extend(items)
    settings = _each_once(item for pattern in chosen for item in configuration(pattern))
    return settings, {kind: _each_once(items) for kind, items in by_kind.items()}


def _each_once(items: Iterable[Object]) -> list[Object]:
    return list({manifests.label_of(item): item for item in items}.values())


def _place(item: Object) -> tuple[str, str]:
    return manifests.namespace_of(item), manifests.name_of(item)


def _namespaces(items: Iterable[Object]) -> list[str]:
    return sorted({manifests.namespace_of(item) for item in items})


def _nodes(namespace: str) -> dict[str, str]:
    """Return the node of each key of a namespace's multi-worker patterns, whose ConfigMaps are the same."""
    first, second = deployment.workers()[:2]
    return {key: second if on_second else first for key, on_second in patterns.spread_keys(namespace).items()}


def _load(pattern: Pattern, file: str) -> list[Object]:
    path = folder(pattern) / file
    if not path.is_file():
        raise Problem(f"{source.SCENARIOS}/{pattern.folder}/{file}: not there", hint="./doit controller_source")
    text = deepstream.with_installed_paths(path.read_text(encoding="utf-8"))
    if _IMAGE.search(text):
        text = with_references(text, archive_images.references(pattern.images), pattern.images, file)
    return manifests.parse(text, file)


def _placement(pattern: Pattern) -> list[Object]:
    """Return the ConfigMaps that spread a multi-worker pattern over the workers of this cluster."""
    if not pattern.on_second_worker:
        return []
    nodes = _nodes(pattern.namespace)
    asked = "".join(f"{key}:\n- {node}\n" for key, node in nodes.items())
    pipeline = "".join(f"- {name}\n" for name in patterns.FILTER_PIPELINE)
    requirement = {"strategy": _STRATEGY, "requestNodeNames": asked}
    return [
        manifests.config_map(_USER_REQUIREMENT, pattern.namespace, requirement),
        manifests.config_map(
            _STRATEGY, pattern.namespace, {"filterPipeline": pipeline, "selectTop": patterns.SELECT_TOP}
        ),
    ]


def _bindings() -> list[Object]:
    """Return what lets the default account of each functions' namespace read; the sidecars watch ConfigMaps."""
    return [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{namespace}-view"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
        }
        for namespace in source.FUNCTION_NAMESPACES
    ]


def _missing_targets(cluster: Kube) -> dict[str, str]:
    """Return the state of each worker's CPU that is not Ready."""
    seen = {manifests.name_of(item): state(item) for item in cluster.list(FUNCTION_TARGET)}
    wanted = [f"{node}.cpu-0.cpu" for node in deployment.workers()]
    return {name: seen.get(name, "absent") for name in wanted if seen.get(name) != READY}


def _await_ready(cluster: Kube, kind: Kind, items: list[Object]) -> None:
    """Wait until objects are Ready; what the controller does not look at again by itself is shown to it again."""
    where = {manifests.name_of(item): manifests.namespace_of(item) for item in items}
    namespaces = ", ".join(_namespaces(items))
    stuck = _Stuck()

    def observe() -> dict[str, str]:
        seen = not_ready(cluster, kind, items)
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
