"""The config that kind is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import reasons
from tasks.engines.files import atomic, templates
from tasks.engines.kube import cluster_owner
from tasks.images import choices, runtime
from tasks.settings import cluster, parameters, paths

if TYPE_CHECKING:
    from pathlib import Path

_TEMPLATE = paths.KIND / "cluster.yaml.j2"


def cluster_name() -> str:
    """Return the name of the cluster."""
    return parameters.current().cluster_name


def is_current() -> bool:
    """Return whether the rendered config is that of the template and the parameters."""
    return reasons.unless(atomic.text(file()) == rendered(), f"{file().name}: another text is rendered")


def write() -> None:
    """Render the config that kind is given."""
    atomic.write(file(), rendered())


def images_of_nodes() -> dict[str, str]:
    """Return the image of each node, by what follows the cluster's name in the node's."""
    return {node.suffix: choices.node_image(node.suffix, parameters.current()) for node in cluster.NODES}


def file() -> Path:
    """Return where the config is rendered to."""
    return paths.cluster_dir(cluster_name()) / "kind.yaml"


def rendered() -> str:
    """Return the config as the template and the parameters make it."""
    chosen = parameters.current()
    return templates.render(
        _TEMPLATE,
        name=chosen.cluster_name,
        pod_subnet=chosen.pod_subnet,
        service_subnet=chosen.service_subnet,
        cri_socket=cluster.CRI_SOCKETS.get(runtime.chosen(chosen), ""),
        nodes=cluster.NODES,
        images=images_of_nodes(),
        mounts={str(folder): place for folder, place in cluster_owner.mounts().items()},
    )
