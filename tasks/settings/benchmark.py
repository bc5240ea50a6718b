"""What the benchmark measures, and what it should not exceed."""

from __future__ import annotations

from dataclasses import dataclass

# A cluster of its own, never the user's.
CLUSTER_NAME = "benchmark"
# How often each short command is run; the median counts.
REPEATS = 5
# How often nodes are created in each of two ways; the median counts.
CLUSTERS = 3
PATTERN = "calcapp-basic"


@dataclass(frozen=True)
class Aim:
    """What a measurement should not exceed.

    Attributes:
        measured: Name of the measurement.
        limit: Seconds, or the ratio to another measurement of the same run.
        against: Name of that other measurement; empty if the limit is in seconds.
    """

    measured: str
    limit: float
    against: str = ""


AIMS = (
    Aim("images, cold", 1200),
    Aim("nodes", 1.2, "nodes, stock kind"),
    Aim("warm images to a verified dataflow", 120),
    Aim("all patterns in a row", 480),
    Aim("doit list", 0.2),
    Aim("./doit --version", 1.25, "python -m doit --version"),
    Aim("doctor, the registry says nothing", 3),
    Aim("create_cluster_with_all, nothing to do", 1),
    Aim("register, doit", 0.67, "register, one kubectl call"),
    Aim("register, doit", 0.1, "register, a kubectl call per file"),
    Aim("registered, nothing to do", 0.5, "register, doit"),
)
