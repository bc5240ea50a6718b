"""The config that kind is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks.engines.files import atomic, templates
from tasks.engines.kube import cluster_owner
from tasks.gpu import sharing
from tasks.images import choices, runtime
from tasks.settings import cluster, gpu, parameters, paths

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.host.facts import Host
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

_TEMPLATE = paths.KIND / "cluster.yaml.j2"


def lack() -> Lack:
    """Return whether the rendered config differs from what the template and the parameters produce."""
    p = parameters.current()
    place = file(p.cluster_name)
    return lacks.unless(
        atomic.text(place) == rendered(p), f"{place.parent.name}/{place.name}: another text is rendered"
    )


def write() -> None:
    """Render the config that kind is given."""
    p = parameters.current()
    atomic.write(file(p.cluster_name), rendered(p))


def images_of_nodes(chosen: Parameters) -> dict[str, str]:
    """Return the image of each node, by the suffix of the node's name."""
    return {node.suffix: choices.node_image(node.suffix, chosen) for node in cluster.NODES}


def file(name: str) -> Path:
    """Return the path of a cluster's rendered config."""
    return paths.cluster_dir(name) / "kind.yaml"


def rendered(chosen: Parameters, host: Host | None = None) -> str:
    """Return the config that the template and the parameters produce.

    Args:
        chosen: The parameters of the run.
        host: The machine whose GPU may be shared; None for this one.

    Raises:
        Problem: The GPU is to be shared, but the host's driver is not loaded or not found.
    """
    shared = sharing.Choice(chosen, host) if host else sharing.Choice(chosen)
    return templates.render(
        _TEMPLATE,
        name=chosen.cluster_name,
        pod_subnet=chosen.pod_subnet,
        service_subnet=chosen.service_subnet,
        cri_socket=cluster.CRI_SOCKETS.get(runtime.chosen(chosen), ""),
        nodes=cluster.NODES,
        images=images_of_nodes(chosen),
        read_only={gpu.NODE_SUFFIX: shared.mounts()},
        mounts={str(folder): place for folder, place in cluster_owner.mounts().items()},
    )
