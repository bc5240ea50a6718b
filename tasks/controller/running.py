"""Which deployed dataflows still run an earlier image of a function: they are named with the command that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import progress
from tasks.archive import facts
from tasks.controller.kinds import DATA_FLOW, function_name
from tasks.engines.kube import access, manifests
from tasks.images import function_images
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.model import Pattern


def say_what_is_earlier(name: str) -> None:
    """Report the dataflows whose pods run an earlier image of a function, if a cluster answers.

    Args:
        name: Name of an image, or of a folder of work/functions.
    """
    current = parameters.current()
    if not access.answers(current.cluster_name):
        return
    try:
        found = list(earlier(name, function_images.reference(name, current), access.cluster(current.cluster_name)))
    except Problem as problem:
        # The image is there: what runs where is only told, and the next run of a dataflow looks again.
        progress.line(f"{name}: which dataflows run it is not known: {problem.message}")
        return
    for pattern in found:
        progress.line(f"{pattern.dataflow} still runs an earlier {name}: ./doit dataflow:{pattern.name}")


def earlier(name: str, wanted: str, cluster: Kube) -> Iterator[Pattern]:
    """Yield the patterns whose deployed dataflow runs another image of a function than the one that is wanted.

    Args:
        name: Name of an image.
        wanted: Its full name.
        cluster: The API.
    """
    for pattern in known.patterns():
        if name in pattern.images and _is_deployed(pattern, cluster):
            prefix = function_name(pattern.dataflow)
            pods = cluster.list(manifests.POD, pattern.namespace)
            mine = (pod for pod in pods if manifests.name_of(pod).startswith(prefix))
            if any(facts.image_name(image) == name and image != wanted for pod in mine for image in _images(pod)):
                yield pattern


def _is_deployed(pattern: Pattern, cluster: Kube) -> bool:
    live = cluster.get(DATA_FLOW, pattern.dataflow, pattern.namespace)
    return live is not None and known.of_data_flow(live) == pattern


def _images(pod: Object) -> Iterator[str]:
    yield from (container["image"] for container in pod["spec"]["containers"])
