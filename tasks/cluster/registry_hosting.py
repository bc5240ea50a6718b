"""Tells tools such as Tilt, Skaffold and ctlptl where the embedded registry is, as KEP-1755 lays down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.kube import access, manifests
from tasks.registry import client as registry_client
from tasks.settings import parameters

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

NAMESPACE, NAME = "kube-public", "local-registry-hosting"
KEY = "localRegistryHosting.v1"
_LABEL = f"ConfigMap {NAMESPACE}/{NAME}"


def lack() -> Lack:
    """Return whether the ConfigMap is absent, or says something else; nothing if it is somebody else's."""
    chosen = parameters.current()
    return lack_of(access.cluster(chosen.cluster_name), wanted(chosen))


def before_nodes() -> dict[str, list[str]]:
    """Return the task of the registry's CA if it comes before the nodes, as doit's dependencies.

    A registry of others may be unusable, which is found before there are nodes; an embedded one is made meanwhile.
    """
    return {"task_dep": [] if parameters.current().registry == "embedded" else ["registry_ca"]}


def announce() -> None:
    """Write the ConfigMap, or take it away if the cluster's registry is not the embedded one."""
    chosen = parameters.current()
    settle(access.cluster(chosen.cluster_name), wanted(chosen))


def wanted(chosen: Parameters) -> Object | None:
    """Return the ConfigMap for the embedded registry, or None for another registry."""
    if chosen.registry != "embedded":
        return None
    registry = registry_client.of(chosen)
    fields = {
        # Docker needs no CA for this address.
        "host": registry.host,
        "hostFromContainerRuntime": registry.pull_address.partition("/")[0],
        "help": f"README.md of OpenKasugai all-in-one; the CA of the registry is at {chosen.dci_registry_cert_url}",
    }
    text = "".join(f'{name}: "{value}"\n' for name, value in fields.items())
    return manifests.config_map(NAME, NAMESPACE, {KEY: text})


def lack_of(cluster: Kube, item: Object | None) -> Lack:
    """Return what the cluster lacks.

    Args:
        cluster: The cluster.
        item: The ConfigMap, or None if there is to be none.
    """
    live = cluster.get(manifests.CONFIG_MAP, NAME, NAMESPACE)
    if live is not None and not manifests.is_stamped(live):
        return lacks.NOTHING
    if item is None:
        return lacks.unless(live is None, f"{_LABEL}: names a registry that is not used any more")
    return cluster.lack([item])


def settle(cluster: Kube, item: Object | None) -> None:
    """Make the cluster lack nothing; somebody else's ConfigMap is left as it is.

    Args:
        cluster: The cluster.
        item: The ConfigMap, or None if there is to be none.
    """
    live = cluster.get(manifests.CONFIG_MAP, NAME, NAMESPACE)
    if live is not None and not manifests.is_stamped(live):
        progress.line(f"{_LABEL}: not made by this tool, so it is left as it is")
    elif item is not None:
        cluster.apply([item])
    elif live is not None:
        cluster.delete(manifests.CONFIG_MAP, NAME, NAMESPACE, uid=live["metadata"]["uid"])
