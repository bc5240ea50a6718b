"""The ApplySet that holds everything this tool makes in a cluster that is not its own (KEP-3659).

The parent lists the kinds and namespaces of the members, and each member names the parent: whoever deletes them needs
no other record of what there is.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import paths, target

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from tasks.engines.kube.attachment import Attachment
    from tasks.engines.kube.manifests import Kind, Object

    class Cluster(Protocol):
        """What an ApplySet needs of the API."""

        def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
            """Return one object, or None if it is absent."""

        def send_apply(self, item: Object) -> None:
            """Apply an object as it is."""


NAME, NAMESPACE = target.TOOL, "default"
_VERSION = "v1"


def identifier() -> str:
    """Return the identifier of the ApplySet, which follows from its parent, as the KEP says."""
    parent = f"{NAME}.{NAMESPACE}.ConfigMap."
    digest = base64.urlsafe_b64encode(hashlib.sha256(parent.encode()).digest()).decode().rstrip("=")
    return f"applyset-{digest}-{_VERSION}"


def labels(owner: str) -> dict[str, str]:
    """Return the labels of each member.

    Args:
        owner: Identifier of its owner.
    """
    return {target.MANAGED_BY: target.TOOL, target.OWNER: owner, target.PART_OF: identifier()}


def owner_of(item: Object) -> str:
    """Return the identifier of the owner of a live object, or an empty string if it carries none."""
    return str((item["metadata"].get("labels") or {}).get(target.OWNER, ""))


def selector(owner: str) -> str:
    """Return the label selector for the members.

    Args:
        owner: Identifier of their owner.
    """
    return f"{target.PART_OF}={identifier()},{target.OWNER}={owner}"


def parent(owner: str, kinds: Iterable[str] = (), namespaces: Iterable[str] = ()) -> Object:
    """Return the parent.

    Args:
        owner: Identifier of the owner.
        kinds: The members' kinds, as `Kind.group`.
        namespaces: The members' namespaces, besides its own.
    """
    item = manifests.config_map(NAME, NAMESPACE, {})
    item["metadata"]["labels"] = {target.MANAGED_BY: target.TOOL, target.OWNER: owner, target.ID: identifier()}
    item["metadata"]["annotations"] = {
        target.TOOLING: f"{target.TOOL}/{_VERSION}",
        target.CONTAINS: ",".join(sorted(kinds)),
        target.NAMESPACES: ",".join(sorted({*namespaces} - {NAMESPACE})),
        target.CHECKOUT: str(paths.ROOT),
    }
    return item


def listed(item: Object, annotation: str) -> set[str]:
    """Return what an annotation of the parent lists.

    Args:
        item: The parent.
        annotation: settings.target.CONTAINS or NAMESPACES.
    """
    return {word for word in (item["metadata"].get("annotations") or {}).get(annotation, "").split(",") if word}


def group_kind(kind: Kind) -> str:
    """Return a kind as the parent lists it."""
    group = kind.api_version.rpartition("/")[0]
    return f"{kind.name}.{group}" if group else kind.name


@dataclass(frozen=True)
class ApplySet:
    """The ApplySet of a checkout that is attached to an existing cluster.

    Attributes:
        attached: The cluster and the owner.
    """

    attached: Attachment
    _alone: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    def marked(self, item: Object) -> Object:
        """Return an object with the labels of a member."""
        own = {**(item["metadata"].get("labels") or {}), **labels(self.attached.owner)}
        return {**item, "metadata": {**item["metadata"], "labels": own}}

    def is_member(self, item: Object) -> bool:
        """Return whether a live object is this owner's: a member, or the parent."""
        return owner_of(item) == self.attached.owner

    def announce(self, cluster: Cluster, items: Iterable[Object]) -> None:
        """List the kinds and namespaces of objects in the parent, before they are applied.

        Args:
            cluster: The API.
            items: The objects.

        Raises:
            Problem: The checkout is not attached any longer.
        """
        wanted = [*items]
        kinds = {group_kind(manifests.kind_of(item)) for item in wanted}
        namespaces = set(_namespaces(wanted)) - {NAMESPACE}
        with self._alone:
            live = cluster.get(manifests.CONFIG_MAP, NAME, NAMESPACE)
            if live is None or not self.is_member(live):
                raise Problem(f"{self.attached.context}: this checkout is not attached to it", hint="./doit attach")
            known, places = listed(live, target.CONTAINS), listed(live, target.NAMESPACES)
            if not (kinds <= known and namespaces <= places):
                cluster.send_apply(parent(self.attached.owner, known | kinds, places | namespaces))


def _namespaces(items: Iterable[Object]) -> Iterator[str]:
    for item in items:
        if namespace := manifests.namespace_of(item):
            yield namespace
