"""Access to the cluster that the parameters name."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tasks.engines.kube.api import Kube
from tasks.problems import Problem
from tasks.settings import parameters, paths

if TYPE_CHECKING:
    from pathlib import Path


def cluster() -> Kube:
    """Return the API of the cluster that CLUSTER_NAME names.

    Raises:
        Problem: There is no such cluster yet.
    """
    access = kubeconfig()
    return _connect(access, access.stat().st_mtime_ns)


def kubeconfig() -> Path:
    """Return the tool's own kubeconfig of that cluster.

    Raises:
        Problem: There is no such cluster yet.
    """
    name = parameters.current().cluster_name
    file = paths.cluster_dir(name) / "kubeconfig"
    if not file.is_file():
        raise Problem(f"cluster {name}: {file} is not there", hint="./doit create_cluster")
    return file


def answers() -> bool:
    """Return whether the API of that cluster answers."""
    try:
        return bool(cluster().identity())
    except Problem:
        return False


@lru_cache(maxsize=4)
def _connect(kubeconfig: Path, written: int) -> Kube:  # noqa: ARG001 - a cluster made again has other certificates
    return Kube(kubeconfig)
