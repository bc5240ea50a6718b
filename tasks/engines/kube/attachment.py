"""The record of an existing cluster to which this checkout is attached, beside the kubeconfig that leads to it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tasks.engines.files import atomic
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Attachment:
    """An existing cluster, and in whose name objects are made there.

    Attributes:
        context: The context that leads to it.
        server: The address of its API server.
        uid: UID of its namespace kube-system.
        owner: Identifier of the owner, a value of the label `settings.target.OWNER`.
    """

    context: str
    server: str
    uid: str
    owner: str


def file(cluster_name: str) -> Path:
    """Return the place of the record; a cluster of kind has none."""
    return paths.cluster_dir(cluster_name) / "attached.json"


def load(cluster_name: str) -> Attachment | None:
    """Return the record, or None if no existing cluster is attached under this name.

    Args:
        cluster_name: CLUSTER_NAME.

    Raises:
        Problem: It is damaged.
    """
    record = file(cluster_name)
    try:
        return Attachment(**json.loads(record.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise Problem(f"{record}: cannot be read: {error}", hint=f"rm {record}, then ./doit attach") from error


def folders() -> list[Path]:
    """Return the folders under build/ that lead to existing clusters, which nothing but `detach` removes."""
    return sorted(record.parent for record in paths.BUILD.glob("cluster-*/attached.json"))


def save(cluster_name: str, attached: Attachment) -> None:
    """Write the record.

    Args:
        cluster_name: CLUSTER_NAME.
        attached: What it says.
    """
    atomic.write(file(cluster_name), json.dumps(asdict(attached)), mode=0o600)
