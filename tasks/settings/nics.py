"""Which network card is lent to which worker, and where what is lent is written down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One worker and the parameters that describe its card.

    Attributes:
        task: Name of its sub-task of `nics`, as the manual calls the worker.
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

    def node(self, cluster_name: str) -> str:
        """Return the name of the node's container."""
        return f"{cluster_name}-{self.node_suffix}"


WORKERS = (
    Row("kind-worker", "worker", "SRIOV_PF_IF_1", "SRIOV_IF_REGEX_1", "SRIOV_PF_IPADDR_1"),
    Row("kind-worker2", "worker2", "SRIOV_PF_IF_2", "SRIOV_IF_REGEX_2", "SRIOV_PF_IPADDR_2"),
)
BY_TASK = {row.task: row for row in WORKERS}

# Of the machine, not of a checkout or user: cards are, and what is lent must survive a reboot and a `clean`.
LEDGERS = Path("/var/lib/openkasugai-all-in-one/nics")
# Volatile on purpose: a reboot gives every device back to the host, and then nobody must be kept away from it.
UDEV_RULES = Path("/run/udev/rules.d")

# What the SR-IOV device plugin offers the scheduler, one for each virtual function.
RESOURCE = "nvidia.com/mlnx_sriov_netdevice"

# Seconds until virtual functions that were asked for have their network interfaces.
VF_DEADLINE = 60.0
# Seconds until the device plugin offers virtual functions that came back.
ALLOCATABLE_DEADLINE = 180.0
