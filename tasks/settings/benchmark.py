"""What the benchmark measures, and what it should not exceed."""

from __future__ import annotations

from dataclasses import dataclass

# A cluster of its own, never the user's.
CLUSTER_NAME = "benchmark"
# What it is made with: the cards' network must not be that of the user's cluster either.
PARAMETERS = {
    "CLUSTER_NAME": CLUSTER_NAME,
    "NV_IPAM_SUBNET": "192.168.22.0/24",
    "NV_IPAM_GATEWAY": "192.168.22.1",
    "NV_IPAM_EXCLUDE_START_1": "192.168.22.0",
    "NV_IPAM_EXCLUDE_END_1": "192.168.22.9",
    "NV_IPAM_EXCLUDE_START_2": "192.168.22.51",
    "NV_IPAM_EXCLUDE_END_2": "192.168.22.255",
    "SRIOV_PF_IPADDR_1": "192.168.22.2/24",
    "SRIOV_PF_IPADDR_2": "192.168.22.3/24",
}
# How often each short command is run; the median counts.
REPEATS = 5
# How often nodes are created in each of two ways; the median counts.
CLUSTERS = 3
# How many patterns of the user's own there are while tasks are listed.
OWN_PATTERNS = 50
# The file of the sample controller that is edited: of one of its images, and no other.
EDITED = "src/sample_operator/wbfunction.py"


@dataclass(frozen=True)
class Aim:
    """What a measurement should not exceed.

    Attributes:
        measured: Name of the measurement.
        limit: In the unit, or the ratio to another measurement of the same run.
        against: Name of that other measurement; empty if the limit is no ratio.
        unit: Of the measurement: "s", or "MB" for memory.
    """

    measured: str
    limit: float
    against: str = ""
    unit: str = "s"


# A run of this that has nothing to do is measured: all patterns that the machine can run are prepared.
ALL = "create_cluster_with_all"
IDLE = f"{ALL}, nothing to do"
MEMORY = f"memory of {IDLE}"
# The first command of README with empty caches, and what it costs the processors: no run can be shorter than that.
FROM_NOTHING = "from nothing to a verified dataflow"
BUSY = "processors busy from nothing, all together"
BOUND = "processors busy from nothing, each"
AIMS = (
    Aim(FROM_NOTHING, 1.15, BOUND),
    Aim("nodes", 1.2, "nodes, stock kind"),
    Aim("warm images to a verified dataflow", 120),
    Aim("all patterns in a row", 480),
    Aim("edit of the controller to Ready", 30),
    Aim("doit list", 0.15),
    Aim(f"list with {OWN_PATTERNS} own patterns", 0.2),
    Aim("./doit --version", 1.1, "python -m doit --version"),
    Aim("doctor, the registry says nothing", 3),
    Aim("dataflow, verified again", 1.2),
    Aim(IDLE, 0.7),
    Aim(MEMORY, 70, unit="MB"),
    Aim("register, doit", 0.67, "register, one kubectl call"),
    Aim("register, doit", 0.1, "register, a kubectl call per file"),
    Aim("registered, nothing to do", 0.5, "register, doit"),
)
