"""The controller's own kinds, and what their status says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube.manifests import Kind

if TYPE_CHECKING:
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
# Said here of an object that its controller has said nothing of.
SILENT = "no status yet"


def state(item: Object | None) -> str:
    """Return the one word (or phrase) of an object's status; "absent" or "no status yet" where there is none."""
    if item is None:
        return "absent"
    return str(item.get("status", {}).get("status") or SILENT)
