"""How long the processors of this machine have worked: the least time that anything takes which keeps them busy."""

from __future__ import annotations

import os
from pathlib import Path

# Columns of the first line of /proc/stat, after its name (proc_stat(5)): waiting for work, and for disks.
_IDLE = (3, 4)
# Guests count in the columns of users already.
_COLUMNS = 8
_STAT = Path("/proc/stat")


def busy_seconds(stat: Path = _STAT) -> float:
    """Return the seconds that all processors together have worked since the machine started.

    Args:
        stat: A file in the form of /proc/stat.
    """
    ticks = [int(word) for word in stat.read_text(encoding="ascii").split("\n", 1)[0].split()[1 : 1 + _COLUMNS]]
    return sum(count for column, count in enumerate(ticks) if column not in _IDLE) / os.sysconf("SC_CLK_TCK")
