"""What may be changed in a cluster that is not this tool's own: what it has made there, and what came of that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube import applyset, manifests
from tasks.engines.kube.manifests import Kind
from tasks.problems import Problem
from tasks.settings import target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tasks.engines.kube.applyset import ApplySet, Cluster
    from tasks.engines.kube.manifests import Object

# Only users make these; everything else of the group is made by the controller, which marks nothing.
_OF_USERS = frozenset({"DataFlow", "FunctionChain", "FunctionType", "ConnectionType"})


def is_generated(kind: Kind) -> bool:
    """Return whether only the controller makes objects of a kind.

    Its definitions are ours wherever they are deployed: `attach` refuses a cluster that has others.
    """
    return kind.api_version.startswith(f"{target.GROUP}/") and kind.name not in _OF_USERS


class AtHome:
    """This tool in a cluster of its own, where it may change everything and marks nothing."""

    def marked(self, item: Object) -> Object:
        """Return an object as it is."""
        return item

    def prepare(self, items: Iterable[Object], live: Iterable[Object]) -> None:
        """Do nothing before objects are applied."""

    def require_mine(self, kind: Kind, name: str, namespace: str) -> None:
        """Let every object be changed."""


@dataclass(frozen=True)
class Guest:
    """This tool as a guest in a cluster.

    Attributes:
        cluster: The API.
        ours: What marks this tool's objects.
    """

    cluster: Cluster
    ours: ApplySet

    def marked(self, item: Object) -> Object:
        """Return an object with the marks of ours."""
        return self.ours.marked(item)

    def prepare(self, items: Iterable[Object], live: Iterable[Object]) -> None:
        """Refuse to change objects that exist and are not ours, and announce the others before they are applied.

        Args:
            items: What is to be applied.
            live: Those of them that exist.

        Raises:
            Problem: One line for each object that is not ours.
        """
        asked = [*items]
        wanted = {_identity(item) for item in asked}
        foreign = [item for item in live if _identity(item) in wanted and not self.may_change(item)]
        if foreign:
            raise Problem("\n".join(map(_said, foreign)), hint="another cluster, or ask those who made it")
        self.ours.announce(self.cluster, asked)

    def require_mine(self, kind: Kind, name: str, namespace: str) -> None:
        """Refuse to change or delete an object that exists and is not ours.

        Raises:
            Problem: One line that names it.
        """
        if is_generated(kind):
            return
        live = self.cluster.get(kind, name, namespace)
        if live is not None and not self.may_change(live):
            raise Problem(_said(live), hint="ask those who made it")

    def may_change(self, item: Object) -> bool:
        """Return whether an object is ours, of something that is ours, or in a namespace that is ours."""
        return self.ours.is_member(item) or any(map(self.ours.is_member, self._above(item)))

    def _above(self, item: Object) -> Iterator[Object]:
        namespace = manifests.namespace_of(item)
        owners = [
            (Kind(owner["apiVersion"], owner["kind"]), owner["name"], namespace)
            for owner in item["metadata"].get("ownerReferences") or ()
            if owner.get("controller")
        ]
        for where in [*owners, *([(manifests.NAMESPACE, namespace, "")] if namespace else [])]:
            found = self.cluster.get(*where)
            if found is not None:
                yield found


def _identity(item: Object) -> tuple[str, str, str]:
    return item["kind"], manifests.namespace_of(item), manifests.name_of(item)


def _said(item: Object) -> str:
    by = (item["metadata"].get("labels") or {}).get(target.MANAGED_BY)
    whose = f"managed by {by}" if by and by != target.TOOL else "made by somebody else"
    if owner := applyset.owner_of(item):
        whose = f"made by the owner {owner}"
    return f"{manifests.label_of(item)}: exists and is not ours ({whose}); it is left as it is"
