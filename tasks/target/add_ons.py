"""The add-ons that an existing cluster has from other hands, recognized by the images of its workloads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube import applyset, manifests
from tasks.settings import addons, target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

# Parts of the names of images, by the name of what they belong to.
_MARKS: Mapping[str, tuple[str, ...]] = {
    **{addon.name: addon.marks for addon in addons.ADDONS if addon.marks},
    **{name: (name,) for name in (*target.POD_NETWORKS, *target.LOAD_BALANCERS)},
}
_DIGEST_LENGTH = 19


def of_others(cluster: Kube, owner: str) -> dict[str, str]:
    """Return the version of each add-on and pod network that others have installed, by its name.

    Args:
        cluster: The API.
        owner: Identifier of the owner of this tool's objects.
    """
    return _versions(item for item in _workloads(cluster) if applyset.owner_of(item) != owner)


def gives_addresses(cluster: Kube) -> bool:
    """Return whether Services of type LoadBalancer get addresses: a provider is known, or one has got an address.

    Args:
        cluster: The API.
    """
    if _versions(_workloads(cluster)).keys() & {*target.LOAD_BALANCERS}:
        return True
    services = cluster.list(manifests.SERVICE)
    return any(each.get("status", {}).get("loadBalancer", {}).get("ingress") for each in services)


def refusal(name: str, version: str) -> str:
    """Return why an add-on is not installed once more.

    Args:
        name: Its name.
        version: In which version others have installed it.
    """
    return f"ADDONS: {name} is there already, in version {version}, from other hands; without it in ADDONS, it is used"


def _workloads(cluster: Kube) -> list[Object]:
    return [item for kind in (manifests.DAEMON_SET, manifests.DEPLOYMENT) for item in cluster.list(kind)]


def _versions(workloads: Iterable[Object]) -> dict[str, str]:
    images = [image for item in workloads for image in _images(item)]
    found = {name: _version(image) for image in images for name, marks in _MARKS.items() if _is_marked(image, marks)}
    return dict(sorted(found.items()))


def _images(workload: Object) -> Iterator[str]:
    pod = workload["spec"]["template"]["spec"]
    for container in [*pod.get("containers", ()), *pod.get("initContainers", ())]:
        yield str(container.get("image", ""))


def _is_marked(image: str, marks: tuple[str, ...]) -> bool:
    # The name of a registry says nothing of what it holds.
    path = image.partition("/")[2] or image
    return any(mark in path for mark in marks)


def _version(image: str) -> str:
    """Return the tag of an image, or the beginning of its digest."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or digest[:_DIGEST_LENGTH] or "latest"
