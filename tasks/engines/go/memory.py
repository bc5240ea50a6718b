"""How much memory Go's compilers take: more where this machine has it, because they are faster with it.

None of this is part of a digest: it does not change a byte of what is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.host.facts import Host

if TYPE_CHECKING:
    from collections.abc import Mapping

# The smallest limit for which garbage is left alone: the largest link of the artifact table needs half of it.
_LEAST = 1 << 30
# Two builds may run at a time, each with as many compilers as cores.
_BUILDS = 2


def variables(host: Host | None = None) -> Mapping[str, str]:
    """Return the variables with which Go's compilers collect no garbage before their share of the memory is used.

    Args:
        host: The machine that compiles; this one by default.

    Returns:
        Nothing where the share is small; Go's default is to collect whenever the heap has doubled.
    """
    machine = host or Host()
    share = machine.available_memory // (max(machine.cores, 1) * _BUILDS)
    return {"GOGC": "off", "GOMEMLIMIT": str(share)} if share >= _LEAST else {}
