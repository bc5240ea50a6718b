"""The server's GPU.

create_cluster -> gpu_lease        gpu_return (also the first step of delete_cluster)
"""

from __future__ import annotations

from typing import Any

from tasks.actions import cluster_owner, doctor, gpu_lease
from tasks.declare import Current, Do


def task_gpu_lease() -> dict[str, Any]:
    """Lend the server's GPU to the first worker."""
    return {
        "actions": [Do(doctor.require, "gpu_lease"), Do(gpu_lease.lend)],
        "uptodate": [Current(gpu_lease.is_current)],
        "task_dep": ["create_cluster"],
    }


def task_gpu_return() -> dict[str, Any]:
    """Give the GPU back to the host, as it was."""
    return {
        "actions": [Do(cluster_owner.require_not_lent_there), Do(gpu_lease.give_back)],
        "uptodate": [Current(gpu_lease.nothing_lent)],
    }
