"""The controller's own kinds, and what their status says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube.manifests import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

_API = "example.com/v1"

COMPUTE_RESOURCE = Kind(_API, "ComputeResource")
CPU_FUNCTION = Kind(_API, "CPUFunction")
DATA_FLOW = Kind(_API, "DataFlow")
ETHERNET_CONNECTION = Kind(_API, "EthernetConnection")
FUNCTION_CHAIN = Kind(_API, "FunctionChain")
FUNCTION_TARGET = Kind(_API, "FunctionTarget")
FUNCTION_TYPE = Kind(_API, "FunctionType")
GPU_FUNCTION = Kind(_API, "GPUFunction")
WB_CONNECTION = Kind(_API, "WBConnection")
WB_FUNCTION = Kind(_API, "WBFunction")

READY = "Ready"
DEPLOYED = "Deployed"
ERROR = "Error"
# Stands for the status of an object that its controller has not written yet.
SILENT = "no status yet"


def not_ready(cluster: Kube, kind: Kind, items: list[Object]) -> dict[str, str]:
    """Return the state of each object that is not Ready, by name.

    Args:
        cluster: The API.
        kind: Kind of all the objects.
        items: The objects.
    """
    live = {_place(item): item for namespace in namespaces_of(items) for item in cluster.list(kind, namespace)}
    seen = {manifests.name_of(item): state(live.get(_place(item))) for item in items}
    return {name: found for name, found in seen.items() if found != READY}


def namespaces_of(items: Iterable[Object]) -> list[str]:
    """Return the namespaces of objects, each once."""
    return sorted({manifests.namespace_of(item) for item in items})


def state(item: Object | None) -> str:
    """Return the word (or phrase) of an object's status; "absent" or "no status yet" if there is none."""
    if item is None:
        return "absent"
    return str(item.get("status", {}).get("status") or SILENT)


def function_name(dataflow: str, key: str = "") -> str:
    """Return the name of the WBFunction for a key of the chain; without a key, the prefix of all such names."""
    return f"{dataflow}-wbfunction-{key}"


def connection_prefix(dataflow: str) -> str:
    """Return the prefix of the names of a DataFlow's WBConnections."""
    return f"{dataflow}-wbconnection-"


def _place(item: Object) -> tuple[str, str]:
    return manifests.namespace_of(item), manifests.name_of(item)
