"""What there is at this moment: engine, images, registry, nodes, and what runs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.docker import client, containers
from tasks.engines.docker import images as docker_images
from tasks.engines.kube import access, cluster_owner, kind, manifests
from tasks.engines.kube import state as kube_state
from tasks.images import runtime
from tasks.problems import Problem
from tasks.settings import cluster, images, parameters, registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tasks.settings.parameters.model import Parameters

_ABSENT = "not there"


def show() -> None:
    """Show a line for each thing that this tool makes; a missing one is no error."""
    rows = list(_rows(parameters.current()))
    width = max(len(name) for name, _ in rows)
    for name, state in rows:
        progress.line(f"{name:<{width}}  {state}")


def _rows(p: Parameters) -> Iterator[tuple[str, str]]:
    try:
        version = client.client().version()["Version"]
    except Problem as problem:
        yield "Docker", problem.message
        return
    yield "Docker", f"{version} at {client.socket()}"
    yield from _images(p)
    yield from ((service.name, _container(service.name)) for service in registry.SERVICES)
    yield from ((node, _container(node)) for node in cluster.node_names(p.cluster_name))
    name = p.cluster_name
    nodes = kind.nodes(name)
    stranger = cluster_owner.objection(name, nodes)
    if stranger is not None:
        yield f"cluster {name}", stranger.message
    elif nodes:
        yield from _workloads(name)


def profile_images(p: Parameters) -> Iterator[tuple[str, docker_images.ImageFacts | None]]:
    """Yield the images of the profile with their tags, from the node image down to the start of the chain.

    Args:
        p: The parameters of the run.

    Raises:
        Problem: No engine answers.
    """
    name = images.NODE_IMAGE
    while name != images.BASE:
        tag = images.tag(name, p)
        yield tag, docker_images.find(tag)
        name = images.parent_name(images.named(name), runtime.chosen(p))


def _images(p: Parameters) -> Iterator[tuple[str, str]]:
    for tag, found in profile_images(p):
        yield f"image {tag}", found.id.removeprefix("sha256:")[:12] if found else _ABSENT


def _container(name: str) -> str:
    found = containers.find(name)
    return f"{found.status} {found.addresses.get(cluster.NETWORK, '')}".strip() if found else _ABSENT


def _workloads(name: str) -> Iterator[tuple[str, str]]:
    try:
        nodes, pods = access.cluster(name).lists(manifests.NODE, manifests.POD)
    except Problem as problem:
        yield "Kubernetes", problem.message
        return
    ready = [manifests.name_of(node) for node in nodes if kube_state.has_condition(node, "Ready")]
    yield "nodes Ready", f"{len(ready)} of {len(nodes)}: {', '.join(ready)}"
    for namespace in sorted({manifests.namespace_of(pod) for pod in pods}):
        mine = [pod for pod in pods if manifests.namespace_of(pod) == namespace]
        yield f"pods in {namespace}", f"{sum(map(kube_state.is_pod_ready, mine))} of {len(mine)} Ready"
