"""What the benchmark measures, and what it should not exceed."""

from __future__ import annotations

from dataclasses import dataclass

# A cluster of its own, never the user's.
CLUSTER_NAME = "benchmark"
# Times that each short command is run; the median counts.
REPEATS = 5
PATTERN = "calcapp-basic"


@dataclass(frozen=True)
class Aim:
    """What a measurement should not exceed.

    Attributes:
        limit: Seconds, or the ratio to another measurement of the same run.
        against: Name of that other measurement; empty where the limit is in seconds.
    """

    limit: float
    against: str = ""


AIMS = {
    "images, cold": Aim(1200),
    "nodes": Aim(1.2, "nodes, stock kind"),
    "warm images to a verified dataflow": Aim(120),
    "doit list": Aim(0.25),
    "./doit --version": Aim(1.25, "python -m doit --version"),
    "doctor, the registry says nothing": Aim(3),
    "create_cluster_with_all, nothing to do": Aim(1),
    "register, doit": Aim(0.67, "register, one kubectl call"),
    "registered, nothing to do": Aim(0.5, "register, doit"),
}
