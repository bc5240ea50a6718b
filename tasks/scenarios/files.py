"""The files of a pattern in the controller's source, as objects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from tasks.archive import deepstream
from tasks.archive import facts as archive_source
from tasks.controller import gpu_types
from tasks.controller.kinds import DATA_FLOW, FUNCTION_CHAIN, FUNCTION_TYPE
from tasks.engines.kube import access, manifests
from tasks.images import function_images
from tasks.patterns import known, places
from tasks.problems import Problem
from tasks.settings import checks, scenarios
from tasks.target import choice

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.patterns.model import Pattern
    from tasks.registry.client import Registry
    from tasks.settings.parameters.model import Parameters

_USER_REQUIREMENT = "user-requirement"
_STRATEGY = "strategy"
_WHERE = "functioninfo.yaml"
# In JSON, which a double-quoted string of YAML holds with its quotation marks escaped.
_IMAGE = re.compile(r'(\\?"image(?:URI)?\\?"\s*:\s*\\?")([^"\\]+)(\\?")')


def of(cluster: Kube, pattern: Pattern, chosen: Parameters) -> Scenario:
    """Return what a pattern refers to in a cluster, with the images that the parameters choose."""
    (found,) = of_all(cluster, [pattern], chosen)
    return found


def of_all(cluster: Kube, patterns: Iterable[Pattern], chosen: Parameters) -> list[Scenario]:
    """Return what patterns refer to in a cluster, which is asked once for all of them."""
    workers, gpus = cache(lambda: choice.of(chosen).workers), cache(lambda: gpu_types.offered(cluster))
    references = _references(chosen)
    return [Scenario(pattern, workers, references, gpus) for pattern in patterns]


def of_source(patterns: Iterable[Pattern], chosen: Parameters) -> list[Scenario]:
    """Return the files of patterns in the source, with the images that the parameters choose.

    A cluster is asked only for its GPUs, once, and only if it answers.
    """

    @cache
    def gpus() -> tuple[str, ...]:
        name = chosen.cluster_name
        return gpu_types.offered(access.cluster(name)) if access.answers(name) else ()

    references = _references(chosen)
    return [Scenario(pattern, tuple, references, gpus) for pattern in patterns]


def _references(chosen: Parameters) -> Callable[[Iterable[str]], Mapping[str, str]]:
    """Return what looks up the full references of images, each once."""
    reference = cache(lambda name: function_images.references([name], chosen)[name])
    return lambda names: {name: reference(name) for name in names}


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
        return [*self._of_kind(manifests.CONFIG_MAP), *self._placement()]

    def resources(self) -> dict[Kind, list[Object]]:
        """Return the objects that have to become Ready, by kind, in the required order."""
        return {kind: self._of_kind(kind) for kind in (FUNCTION_TYPE, FUNCTION_CHAIN)}

    def data_flow(self) -> Object:
        """Return the DataFlow.

        Raises:
            Problem: The pattern's files do not hold it.
        """
        pattern = self.pattern
        found = [item for item in self._of_kind(DATA_FLOW) if manifests.name_of(item) == pattern.dataflow]
        if not found:
            raise Problem(f"{places.shown_folder(pattern)}: holds no DataFlow {pattern.dataflow}")
        requirement = {"userRequirement": _requirement(pattern)} if pattern.is_placed else {}
        return {**found[0], "spec": {**found[0]["spec"], **requirement}}

    def requested_nodes(self) -> dict[str, str]:
        """Return the node that is requested for each function that is placed, by key."""
        return self.pattern.nodes(self.workers()) if self.pattern.is_placed else {}

    def texts(self) -> dict[str, str]:
        """Return the text of each file, in the order of registration, as it is applied here.

        Raises:
            Problem: The source lacks a file, or the files do not hold what the pattern needs.
        """
        if not self.pattern.is_placed:
            return dict(self._texts)
        data_flow = self.data_flow()
        return {file: _with_data_flow(text, file, data_flow) for file, text in self._texts.items()}

    @property
    def digest(self) -> str:
        """A digest of what the files hold but the DataFlow, with the images that they name."""
        where = places.folder(self.pattern)
        texts = {file: (where / file).read_text(encoding="utf-8") for file in places.names_of_files(self.pattern)}
        items = [item for file, text in texts.items() for item in manifests.parse(text, file)]
        return manifests.digest([item for item in items if manifests.kind_of(item) != DATA_FLOW])

    @cached_property
    def _texts(self) -> dict[str, str]:
        texts = {file: self._text(file) for file in places.names_of_files(self.pattern)}
        found = {archive_source.image_name(match[2]) for text in texts.values() for match in _IMAGE.finditer(text)}
        missing = [image for image in self.pattern.images if image not in found]
        if missing:
            named = ", ".join(sorted(found)) or "none"
            raise Problem(f"{places.shown_folder(self.pattern)}: names no image {', '.join(missing)}, but {named}")
        references = self.references(self.pattern.images)
        return {file: with_references(text, references) for file, text in texts.items()}

    @cached_property
    def _objects(self) -> list[Object]:
        return [item for file, text in self._texts.items() for item in manifests.parse(text, file)]

    def _of_kind(self, kind: Kind) -> list[Object]:
        return [item for item in self._objects if manifests.kind_of(item) == kind]

    def _text(self, file: str) -> str:
        path = places.folder(self.pattern) / file
        if not path.is_file():
            hint = "./doit controller_source" if self.pattern.folder else ""
            raise Problem(f"{places.shown_folder(self.pattern)}/{file}: not there", hint=hint)
        text = deepstream.with_installed_paths(path.read_text(encoding="utf-8"))
        return self._with_gpus(text, file) if file == _WHERE and checks.GPU in self.pattern.needs else text

    def _with_gpus(self, text: str, file: str) -> str:
        types = self.gpus()
        items = manifests.parse(text, file)
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
    own = [each for each in known.patterns() if each.namespace == namespace and not each.is_own]
    sharing = [each for each in own if each.fits(workers)]
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


def with_references(text: str, references: Mapping[str, str]) -> str:
    """Replace the image references in a file with those of this installation.

    Args:
        text: YAML with JSON inside, as the scenarios hold it.
        references: Full reference by last path component.
    """

    def replaced(match: re.Match[str]) -> str:
        return match[1] + references.get(archive_source.image_name(match[2]), match[2]) + match[3]

    return _IMAGE.sub(replaced, text)


def _with_data_flow(text: str, file: str, data_flow: Object) -> str:
    """Return the text of a file with this DataFlow in place of its own, if it holds that."""
    items = manifests.parse(text, file)
    own = manifests.label_of(data_flow)
    if own not in map(manifests.label_of, items):
        return text
    return "---\n".join(manifests.text(data_flow if manifests.label_of(item) == own else item) for item in items)
