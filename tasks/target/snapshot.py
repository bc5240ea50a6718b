"""The objects of a cluster of the kinds that this tool makes: kept before the first, compared after the last."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.files import atomic
from tasks.engines.kube import applyset, manifests
from tasks.engines.kube.manifests import Kind
from tasks.settings import paths, target_rights

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.api import Kube

_MOST = 5


@dataclass(frozen=True)
class Difference:
    """How two lists of objects differ.

    Attributes:
        added: Names of objects that only the later one has.
        gone: Names of objects that only the earlier one has.
    """

    added: tuple[str, ...]
    gone: tuple[str, ...]

    def __bool__(self) -> bool:
        """Return whether there is one."""
        return bool(self.added or self.gone)

    def __str__(self) -> str:
        """Return it in words."""
        parts = [("there since", self.added), ("gone since", self.gone)]
        return "; ".join(f"{words}: {_some(names)}" for words, names in parts if names)


def file(cluster_name: str) -> Path:
    """Return where the list of before the first object is kept.

    Args:
        cluster_name: CLUSTER_NAME.
    """
    return paths.cluster_dir(cluster_name) / "before.json"


def of(cluster: Kube, owner: str) -> list[str]:
    """Return the names of the objects of others, of the kinds that this tool makes; a kind that is not served has none.

    What workloads of others make, such as pods, comes and goes, and is left out.

    Args:
        cluster: The API.
        owner: Identifier of the owner of this tool's objects.
    """
    own = {manifests.name_of(item) for item in cluster.list(manifests.NAMESPACE) if applyset.owner_of(item) == owner}
    listed = [item for kind in kinds() for item in cluster.list_if_served(kind)]
    return sorted(
        manifests.label_of(item)
        for item in listed
        if applyset.owner_of(item) != owner
        and manifests.namespace_of(item) not in own
        and not item["metadata"].get("ownerReferences")
    )


def kinds() -> list[Kind]:
    """Return the kinds that this tool always makes, besides the controller's own."""
    return [Kind(*each) for each in target_rights.kinds(target_rights.RIGHTS)]


def keep(cluster_name: str, names: list[str]) -> None:
    """Keep a list as that of before the first object.

    Args:
        cluster_name: CLUSTER_NAME.
        names: What `of` returned.
    """
    atomic.write(file(cluster_name), json.dumps(names, indent=1), mode=0o600)


def kept(cluster_name: str) -> list[str] | None:
    """Return the list of before the first object, or None if there is none.

    Args:
        cluster_name: CLUSTER_NAME.
    """
    place = file(cluster_name)
    return list(json.loads(place.read_text(encoding="utf-8"))) if place.is_file() else None


def difference(before: list[str], after: list[str]) -> Difference:
    """Return how two lists differ.

    Args:
        before: The earlier one.
        after: The later one.
    """
    return Difference(tuple(sorted({*after} - {*before})), tuple(sorted({*before} - {*after})))


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + more
