"""The server's GPU.

_kind -> gpu_lease

Giving it back is gpu_return, which the controller's graph declares, and the first step of delete_cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.runner.declare import Current, Do, Root
from tasks.runner.later import later
from tasks.runner.meta import MEANS, ROOT, RUN

if TYPE_CHECKING:
    from tasks.gpu import lease
else:
    lease = later("tasks.gpu.lease")


# Not the controller: a GPU that is there when the controller starts need not be counted in later.
_BEFORE = "_kind"
_LENDING = Root("lending the GPU", Current(lease.lack_of_root))
# What giving back needs root for, also before a cluster is deleted.
RETURN = Root("giving back the GPU", Current(lease.lack_of_return))


def task_gpu_lease() -> dict[str, Any]:
    """Lend the server's GPU to the first worker, or share it with it."""
    return {
        "actions": [Do(lease.lend)],
        "uptodate": [Current(lease.lack)],
        # The controller's inventory names the GPU that the worker then has.
        "meta": {
            MEANS: {"_gpu_in_inventory": RUN},
            ROOT: (_LENDING,),
        },
        "task_dep": [_BEFORE],
        "setup": ["_doctor:gpu"],
    }
