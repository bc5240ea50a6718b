"""Which network card is lent to which worker, and where the loans are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One worker and the parameters that describe its card.

    Attributes:
        task: Name of its sub-task of `nics`, which is the manual's name for the worker.
        node_suffix: What its node's name adds to CLUSTER_NAME.
        interface: Parameter with the name of the physical function.
        pattern: Parameter with the expression that its virtual functions' names match.
        address: Parameter with the address that the physical function gets inside the node.
    """

    task: str
    node_suffix: str
    interface: str
    pattern: str
    address: str

    @property
    def target(self) -> str:
        """What doctor calls lending its card; the name of the task that does it."""
        return f"nics:{self.task}"

    def node(self, cluster_name: str) -> str:
        """Return the name of the node's container."""
        return f"{cluster_name}-{self.node_suffix}"


WORKERS = (
    Row("kind-worker", "worker", "SRIOV_PF_IF_1", "SRIOV_IF_REGEX_1", "SRIOV_PF_IPADDR_1"),
    Row("kind-worker2", "worker2", "SRIOV_PF_IF_2", "SRIOV_IF_REGEX_2", "SRIOV_PF_IPADDR_2"),
)
BY_TASK = {row.task: row for row in WORKERS}

# Belongs to the machine, as the cards do, not to a checkout or user: it must survive a reboot and a `clean`.
LEDGERS = Path("/var/lib/openkasugai-all-in-one/nics")
# Volatile on purpose: a reboot gives every device back to the host, and then no rule may keep anybody away from it.
UDEV_RULES = Path("/run/udev/rules.d")

# The resource that the SR-IOV device plugin offers the scheduler, one for each virtual function.
RESOURCE = "nvidia.com/mlnx_sriov_netdevice"
# How a pod gets one as its second interface.
DELEGATE = {"type": "sriov"}

# Seconds until new virtual functions must have their network interfaces.
VF_DEADLINE = 60.0
# Seconds until the device plugin must offer virtual functions that came back.
ALLOCATABLE_DEADLINE = 180.0
