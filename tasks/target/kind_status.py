"""What a cluster of kind consists of on this machine: engine, images, registry and nodes, and what runs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.docker import client, containers
from tasks.engines.docker import images as docker_images
from tasks.engines.kube import access, cluster_owner, kind, manifests
from tasks.images import runtime
from tasks.problems import Problem
from tasks.settings import cluster, images, registry
from tasks.target import workloads
from tasks.target.workloads import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tasks.settings.parameters.model import Parameters

_ABSENT = "not there"


def rows(p: Parameters) -> Iterator[tuple[str, str]]:
    """Yield a line for each thing that this tool makes on this machine: its name and its state.

    Args:
        p: The parameters of the run.
    """
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
    yield from workloads.rows(nodes, pods)


def parts(p: Parameters) -> Mapping[str, Callable[[], Seen]]:
    """Return what the overview shows, each part after that on which it stands.

    Args:
        p: The parameters of the run.
    """
    return {"engine": _engine, "images": lambda: _profile(p), "cluster": lambda: _nodes(p)}


def _engine() -> Seen:
    version = client.client().version()["Version"]
    return Seen(f"Docker {version} at {client.socket()}")


def _profile(p: Parameters) -> Seen:
    found = dict(profile_images(p))
    absent = [tag for tag, image in reversed(found.items()) if image is None]
    there = f"{len(found) - len(absent)} of {len(found)} there"
    return Seen(f"{there}; not yet: {', '.join(absent)}" if absent else there)


def _nodes(p: Parameters) -> Seen:
    name = p.cluster_name
    nodes = kind.nodes(name)
    if not nodes:
        return Seen(f"{name}: not there", is_there=False)
    return Seen(f"{name}: {sum(node.running for node in nodes)} of {len(nodes)} nodes run")
