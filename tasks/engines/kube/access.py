"""Access to a cluster by its name."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tasks.engines.kube import attachment
from tasks.engines.kube.api import Kube
from tasks.engines.kube.applyset import ApplySet
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.attachment import Attachment

# What shows whether a cluster that exists already answers.
_HINT = "./doit doctor --for attach"


def cluster(name: str) -> Kube:
    """Return the API of a cluster; in one that exists already, only what this tool has made there is changed.

    Args:
        name: Name of the cluster.

    Raises:
        Problem: There is no such cluster yet.
    """
    access = kubeconfig(name)
    return _connect(access, access.stat().st_mtime_ns, attachment.load(name))


def kubeconfig(name: str) -> Path:
    """Return the tool's own kubeconfig of a cluster.

    Args:
        name: Name of the cluster.

    Raises:
        Problem: There is no such cluster yet.
    """
    file = paths.kubeconfig(name)
    if not file.is_file():
        raise Problem(f"cluster {name}: {file} is not there", hint="./doit create_cluster, or ./doit attach")
    return file


def answers(name: str) -> bool:
    """Return whether the API of a cluster answers.

    Args:
        name: Name of the cluster.
    """
    try:
        return bool(cluster(name).identity())
    except Problem:
        return False


@lru_cache(maxsize=4)
def _connect(kubeconfig: Path, written: int, attached: Attachment | None) -> Kube:  # noqa: ARG001 - a recreated cluster has other certificates
    if attached is None:
        return Kube(kubeconfig)
    return Kube(kubeconfig, ours=ApplySet(attached), hint=_HINT)
