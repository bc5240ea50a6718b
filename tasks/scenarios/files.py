"""The files of a pattern in the controller's source, as objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tasks.archive import deepstream
from tasks.archive import facts as archive_source
from tasks.controller import deployment
from tasks.controller.kinds import FUNCTION_CHAIN, FUNCTION_TYPE
from tasks.engines.kube import manifests
from tasks.images import archive_images
from tasks.problems import Problem
from tasks.registry import client
from tasks.settings import controller as source
from tasks.settings import parameters, patterns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tasks.engines.kube.manifests import Kind, Object
    from tasks.settings.patterns import Pattern

_USER_REQUIREMENT = "user-requirement"
_STRATEGY = "strategy"
_IMAGE = re.compile(r'("image(?:URI)?"\s*:\s*")([^"]+)(")')


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
        text = with_references(
            text, archive_images.references(pattern.images, parameters.current()), pattern.images, file
        )
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
