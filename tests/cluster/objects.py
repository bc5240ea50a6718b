"""All objects of a cluster, whatever their kind, to be compared with those of another moment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

# They come and go by themselves; the lists of component states are no objects at all.
_ASIDE = ("events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses")


class Kubectl(Protocol):
    """kubectl on a cluster."""

    def __call__(self, *words: str) -> str:
        """Run it, and return what it prints."""


@dataclass(frozen=True, order=True)
class Seen:
    """An object as it was seen.

    Attributes:
        kind: Its group, version and kind.
        namespace: Its namespace, or an empty string.
        name: Its name.
        uid: Its UID: one that was made anew has another.
        generation: Counts the changes of its specification; 0 where its kind does not count them.
        labels: Its labels.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    labels: tuple[tuple[str, str], ...]

    @property
    def identity(self) -> tuple[str, str, str]:
        """Its kind, namespace and name."""
        return self.kind, self.namespace, self.name


def listed(kubectl: Kubectl) -> list[Seen]:
    """Return all objects, events and leases aside.

    Args:
        kubectl: Runs kubectl on the cluster.
    """
    kinds = kubectl("api-resources", "--verbs=list", "--output=name").split()
    wanted = ",".join(kind for kind in kinds if kind not in _ASIDE)
    return sorted(_seen(item) for item in json.loads(kubectl("get", wanted, "-A", "-o", "json"))["items"])


def _seen(item: Mapping[str, Any]) -> Seen:
    metadata = item["metadata"]
    return Seen(
        kind=f"{item['apiVersion']} {item['kind']}",
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        generation=metadata.get("generation", 0),
        labels=tuple(sorted(metadata.get("labels", {}).items())),
    )
