"""The files of a pattern in the controller's source, as objects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.archive import deepstream
from tasks.archive import facts as archive_source
from tasks.controller import gpu_types, inventory
from tasks.controller.kinds import FUNCTION_CHAIN, FUNCTION_TYPE
from tasks.engines.kube import access, manifests
from tasks.images import archive_images
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import checks, paths, scenarios
from tasks.settings import controller as source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.patterns.model import Pattern
    from tasks.registry.client import Registry
    from tasks.settings.parameters.model import Parameters

_USER_REQUIREMENT = "user-requirement"
_STRATEGY = "strategy"
# The files of a pattern, in the manual's order of registration.
FILES = ("cm-cpufunc-config.yaml", "functioninfo.yaml", "functiontype.yaml", "functionchain.yaml", "df-cpufunc.yaml")
_DATA_FLOW = FILES[-1]
_WHERE = "functioninfo.yaml"
_IMAGE = re.compile(r'("image(?:URI)?"\s*:\s*")([^"]+)(")')


def of(cluster: Kube, pattern: Pattern, chosen: Parameters) -> Scenario:
    """Return what a pattern refers to in a cluster, with the images that the parameters choose."""
    return Scenario(
        pattern,
        workers=lambda: inventory.workers(cluster),
        references=lambda names: archive_images.references(names, chosen),
        gpus=lambda: gpu_types.offered(cluster),
    )


def of_source(pattern: Pattern, chosen: Parameters) -> Scenario:
    """Return a pattern's files in the source, with the images that the parameters choose.

    A cluster is asked only for its GPUs, and only if it answers.
    """

    def gpus() -> tuple[str, ...]:
        name = chosen.cluster_name
        return gpu_types.offered(access.cluster(name)) if access.answers(name) else ()

    return Scenario(pattern, tuple, lambda names: archive_images.references(names, chosen), gpus)


@dataclass(frozen=True)
class Scenario:
    """A pattern's files with the images and workers of this installation; both are looked up only when needed.

    Attributes:
        pattern: The pattern.
        workers: Returns the names of the nodes that run functions.
        references: Returns the full references of images by their short names.
        gpus: Returns the types of the GPUs that functions can use.
    """

    pattern: Pattern
    workers: Callable[[], Sequence[str]]
    references: Callable[[Iterable[str]], Mapping[str, str]]
    gpus: Callable[[], Collection[str]] = tuple

    def require_images(self, registry: Registry) -> None:
        """Stop if the registry lacks an image that a function runs.

        Args:
            registry: Where the nodes pull from.

        Raises:
            Problem: One line per image, with its name.
        """
        texts = (text for item in self.configuration() for text in item.get("data", {}).values())
        registry.require(match[2] for text in texts for match in _IMAGE.finditer(text))

    def configuration(self) -> list[Object]:
        """Return the ConfigMaps: how the functions are run, what they need, and the nodes requested for them."""
        return [*self._load("cm-cpufunc-config.yaml"), *self._load("functioninfo.yaml"), *self._placement()]

    def resources(self) -> dict[Kind, list[Object]]:
        """Return the objects that have to become Ready, by kind, in the required order."""
        return {
            FUNCTION_TYPE: self._load("functiontype.yaml"),
            FUNCTION_CHAIN: self._load("functionchain.yaml"),
        }

    def data_flow(self) -> Object:
        """Return the DataFlow.

        Raises:
            Problem: The pattern's file does not hold it.
        """
        pattern = self.pattern
        found = [item for item in self._load(_DATA_FLOW) if manifests.name_of(item) == pattern.dataflow]
        if not found:
            raise Problem(f"{pattern.folder}/{_DATA_FLOW}: holds no DataFlow {pattern.dataflow}")
        requirement = {"userRequirement": _requirement(pattern)} if pattern.is_placed else {}
        return {**found[0], "spec": {**found[0]["spec"], **requirement}}

    def requested_nodes(self) -> dict[str, str]:
        """Return the node that is requested for each function that is placed, by key."""
        return self.pattern.nodes(self.workers()) if self.pattern.is_placed else {}

    def texts(self) -> dict[str, str]:
        """Return the text of each file, in the manual's order, as it is applied here.

        Raises:
            Problem: The source lacks a file, or the file does not hold what the pattern needs.
        """
        given = {file: self._text(file) for file in FILES}
        spread = {_DATA_FLOW: manifests.text(self.data_flow())} if self.pattern.is_placed else {}
        return {**given, **spread}

    def _load(self, file: str) -> list[Object]:
        return manifests.parse(self._text(file), file)

    def _text(self, file: str) -> str:
        pattern = self.pattern
        path = folder(pattern) / file
        if not path.is_file():
            raise Problem(f"{source.SCENARIOS}/{pattern.folder}/{file}: not there", hint="./doit controller_source")
        text = deepstream.with_installed_paths(path.read_text(encoding="utf-8"))
        if _IMAGE.search(text):
            text = with_references(text, self.references(pattern.images), pattern.images, file)
        return self._with_gpus(text) if file == _WHERE and checks.GPU in pattern.needs else text

    def _with_gpus(self, text: str) -> str:
        types = self.gpus()
        items = manifests.parse(text, _WHERE)
        made = [gpu_types.with_types(item, types) for item in items]
        return text if made == items else "---\n".join(manifests.text(item) for item in made)

    def _placement(self) -> list[Object]:
        pattern = self.pattern
        if not pattern.is_placed:
            return []
        workers = self.workers()
        if pattern.is_own:
            return _placing(_requirement(pattern), pattern.namespace, pattern.nodes(workers))
        return placement(pattern.namespace, workers)


def placement(namespace: str, workers: Sequence[str]) -> list[Object]:
    """Return the ConfigMaps that spread the project's multi-worker patterns of a namespace over the workers.

    These patterns share them, as the original's do.

    Args:
        namespace: The namespace.
        workers: The names of the nodes that run functions.
    """
    sharing = [each for each in known.patterns() if each.namespace == namespace and not each.is_own]
    nodes = {key: node for pattern in sharing for key, node in pattern.nodes(workers).items()}
    return _placing(_USER_REQUIREMENT, namespace, nodes)


def _requirement(pattern: Pattern) -> str:
    """Return the name of the ConfigMap that says where the functions of a pattern run."""
    return f"{_USER_REQUIREMENT}-{pattern.name}" if pattern.is_own else _USER_REQUIREMENT


def _placing(name: str, namespace: str, nodes: Mapping[str, str]) -> list[Object]:
    asked = "".join(f"{key}:\n- {node}\n" for key, node in nodes.items())
    pipeline = "".join(f"- {name}\n" for name in scenarios.FILTER_PIPELINE)
    requirement = {"strategy": _STRATEGY, "requestNodeNames": asked}
    strategy = {"filterPipeline": pipeline, "selectTop": scenarios.SELECT_TOP}
    return [
        manifests.config_map(name, namespace, requirement),
        manifests.config_map(_STRATEGY, namespace, strategy),
    ]


def folder(pattern: Pattern) -> Path:
    """Return the folder with the files of a pattern: in the controller's source, or beside its pattern.yaml."""
    if pattern.folder:
        return paths.CONTROLLER / source.SCENARIOS / pattern.folder
    return (paths.OWN_PATTERNS if pattern.is_own else paths.PATTERNS) / pattern.home


def with_references(text: str, references: Mapping[str, str], needed: tuple[str, ...], origin: str) -> str:
    """Replace the image references in a file with those of this installation.

    Args:
        text: YAML with JSON inside, as the scenarios hold it.
        references: Full reference by last path component.
        needed: Images that the file has to refer to at least once.
        origin: The file, for errors.

    Raises:
        Problem: The file does not name a needed image.
    """
    found = {archive_source.image_name(match[2]) for match in _IMAGE.finditer(text)}
    missing = sorted(set(needed) - found)
    if missing:
        raise Problem(f"{origin}: names no image {', '.join(missing)}, but {', '.join(sorted(found)) or 'none'}")

    def replaced(match: re.Match[str]) -> str:
        return match[1] + references.get(archive_source.image_name(match[2]), match[2]) + match[3]

    return _IMAGE.sub(replaced, text)
