"""Takes everything out of an existing cluster that this tool has made there, and proves that it is gone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.kube import access, applyset, attachment, guest, manifests
from tasks.engines.kube.calls import ABSENT, Refused
from tasks.engines.kube.manifests import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, Kind
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import parameters, paths, target
from tasks.target import snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.attachment import Attachment
    from tasks.engines.kube.manifests import Object
    from tasks.lack import Lack

_DATA_FLOW = "DataFlow"
# The controller still has to run while dataflows go, and the accounts of its pods must outlive them.
_WORKLOADS = ("DaemonSet", "Deployment", "Job", "Pod")
_LAST = ("CustomResourceDefinition", "Namespace")
# What Kubernetes itself puts into each namespace.
_OF_KUBERNETES = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})


def lack() -> Lack:
    """Return whether this checkout is attached to an existing cluster."""
    chosen = parameters.current()
    return lacks.unless(
        attachment.load(chosen.cluster_name) is None, f"CLUSTER_NAME {chosen.cluster_name}: is attached to a cluster"
    )


def detach() -> None:
    """Delete what carries this tool's labels in the existing cluster and nothing else, and forget how it is reached.

    Raises:
        Problem: Something of ours is not gone in time; the same command goes on from there.
    """
    chosen = parameters.current()
    name = chosen.cluster_name
    attached = attachment.load(name)
    if attached is None:
        progress.line(f"CLUSTER_NAME {name}: no existing cluster is attached.")
        return
    cluster = access.cluster(name)
    if cluster.identity() != attached.uid:
        folder = paths.cluster_dir(name)
        raise Problem(
            f"{attached.context} is another cluster by now than the one that was attached ({attached.uid})",
            hint=f"nothing was deleted; if the cluster that was attached is gone: rm -r {folder}",
        )
    leaving = Leaving(cluster, attached, Deadlines(chosen.dataflow_deadline, chosen.controller_deadline))
    kept = leaving.leave()
    _prove(leaving, name)
    for line in kept:
        progress.line(line)
    if not kept:
        leaving.forget()
    shutil.rmtree(paths.cluster_dir(name))


def _prove(leaving: Leaving, name: str) -> None:
    """Show by listing that the cluster is as it was before the first object.

    Raises:
        Problem: Something of ours is still there.
    """
    left = leaving.members()
    if left:
        raise Problem(f"still there: {', '.join(map(manifests.label_of, left))}", hint="./doit detach, once more")
    before, context = snapshot.kept(name), leaving.attached.context
    after = snapshot.of(leaving.cluster, leaving.attached.owner)
    if before is None:
        progress.line(f"{context}: nothing of ours is left; no list of before was kept")
        return
    parent = f"ConfigMap {applyset.NAMESPACE}/{applyset.NAME}"
    found = snapshot.difference([one for one in before if one != parent], [one for one in after if one != parent])
    count = f"{len(after)} objects of {len(snapshot.kinds())} kinds"
    progress.line(f"{context}: nothing of ours is left; {count} are " + (f"others': {found}" if found else "as before"))


@dataclass(frozen=True)
class Deadlines:
    """How long things may take to go, in seconds.

    Attributes:
        dataflows: The dataflows, which the controller takes down.
        others: Everything else.
    """

    dataflows: float
    others: float


@dataclass(frozen=True)
class Leaving:
    """The way out of an existing cluster.

    Attributes:
        cluster: Its API.
        attached: Its record.
        deadlines: How long things may take to go.
    """

    cluster: Kube
    attached: Attachment
    deadlines: Deadlines
    _said: set[str] = field(default_factory=set, compare=False)

    def leave(self) -> list[str]:
        """Delete everything of ours, in an order in which the controller can still take down what it made.

        Returns:
            What stays because objects of others need it, one line each.

        Raises:
            Problem: Something is not gone in time.
        """
        self._take_down_dataflows()
        members = self.members()
        custom = [item for item in members if _is_custom(item)]
        workloads = [item for item in members if item["kind"] in _WORKLOADS]
        rest = [item for item in members if item not in custom and item not in workloads and item["kind"] not in _LAST]
        for group in (custom, workloads, rest):
            self._delete(group)
        return [*self._delete_definitions(), *self._delete_namespaces()]

    def members(self) -> list[Object]:
        """Return all objects of ours, of the kinds that the ApplySet lists and this tool makes."""
        parent = self.cluster.get(manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE)
        listed = applyset.listed(parent, target.CONTAINS) if parent else set()
        kinds = {applyset.group_kind(kind): kind for kind in [*snapshot.kinds(), *self._custom_kinds()]}
        unknown = [name for name in listed if name not in kinds]
        found = [*kinds.values(), *(self._served_kind(name) for name in unknown)]
        return [item for kind in found if kind for item in self._list(kind, applyset.selector(self.attached.owner))]

    def forget(self) -> None:
        """Delete the parent of the ApplySet, last of all."""
        self._delete_one(manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE)

    def _take_down_dataflows(self) -> None:
        ours = applyset.selector(self.attached.owner)
        for kind in self._custom_kinds():
            if kind.name == _DATA_FLOW:
                self._take_down(self._list(kind, ours))

    def _take_down(self, dataflows: Sequence[Object]) -> None:
        """Delete dataflows; those that the controller does not take down in time are taken from it."""
        try:
            self._delete(dataflows, self.deadlines.dataflows)
        except Problem as problem:
            progress.line(f"{problem.message}; going on without the controller")
            self._release(dataflows)

    def _delete_definitions(self) -> Iterator[str]:
        definitions = self._own(CUSTOM_RESOURCE_DEFINITION)
        foreign = [item for kind in self._custom_kinds() if not guest.is_generated(kind) for item in self._list(kind)]
        if foreign:
            names = ", ".join(map(manifests.label_of, foreign))
            yield f"{len(definitions)} definitions of {target.GROUP} stay, because objects of others need them: {names}"
            self._give_up(definitions)
            return
        # Nothing answers their finalizers any longer.
        self._release([item for kind in self._custom_kinds() for item in self._list(kind)])
        self._delete(definitions)

    def _release(self, items: Iterable[Object]) -> None:
        for item in items:
            self.cluster.release(manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item))

    def _delete_namespaces(self) -> Iterator[str]:
        for item in self._own(NAMESPACE):
            foreign = self._foreign_in(manifests.name_of(item))
            if foreign:
                names = ", ".join(map(manifests.label_of, foreign))
                yield f"Namespace {manifests.name_of(item)} stays, because it holds objects of others: {names}"
                self._give_up([item])
            else:
                self._delete([item])

    def _foreign_in(self, namespace: str) -> list[Object]:
        """Return what others have in a namespace: nothing of ours is left in it by now."""
        listed = (item for kind in snapshot.kinds() for item in self._list(kind, namespace=namespace))
        return [
            item
            for item in listed
            if (item["kind"], manifests.name_of(item)) not in _OF_KUBERNETES
            and not item["metadata"].get("ownerReferences")
            and manifests.namespace_of(item) == namespace
        ]

    def _give_up(self, items: Iterable[Object]) -> None:
        """Take our labels off objects that stay, since others need them."""
        gone = dict.fromkeys((target.MANAGED_BY, target.OWNER, target.PART_OF))
        for item in items:
            where = manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item)
            self.cluster.patch(*where, {"metadata": {"labels": gone}})

    def _own(self, kind: Kind) -> list[Object]:
        return self._list(kind, applyset.selector(self.attached.owner))

    def _custom_kinds(self) -> list[Kind]:
        """Return the kinds of the controller's definitions that are ours."""
        return [
            Kind(f"{item['spec']['group']}/{version['name']}", item["spec"]["names"]["kind"])
            for item in self._own(CUSTOM_RESOURCE_DEFINITION)
            for version in item["spec"]["versions"]
            if version["storage"]
        ]

    def _served_kind(self, listed: str) -> Kind | None:
        """Return a kind that the ApplySet lists as `Kind.group`, in the version in which the cluster stores it."""
        name, _, group = listed.partition(".")
        definitions = self.cluster.list(CUSTOM_RESOURCE_DEFINITION)
        found = (one["spec"] for one in definitions if one["spec"]["group"] == group)
        versions = (
            version["name"]
            for spec in found
            if spec["names"]["kind"] == name
            for version in spec["versions"]
            if version["storage"]
        )
        version = next(versions, "")
        return Kind(f"{group}/{version}", name) if version else None

    def _list(self, kind: Kind, selector: str = "", namespace: str = "") -> list[Object]:
        try:
            return self.cluster.list(kind, namespace, selector)
        except Refused as refusal:
            if refusal.status == ABSENT:
                return []
            raise

    def _delete(self, items: Sequence[Object], deadline: float = 0) -> None:
        if not items:
            return
        progress.step(f"deleting {len(items)} objects")
        for item in items:
            self.cluster.delete(manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item))
        waiting.Condition(
            f"{', '.join(sorted({item['kind'] for item in items}))}: deleted",
            lambda: [manifests.label_of(item) for item in items if self._is_there(item)],
            lambda left: not left,
            describe=", ".join,
        ).wait(deadline or self.deadlines.others, hint="./doit detach, once more")

    def _is_there(self, item: Object) -> bool:
        try:
            found = self.cluster.get(manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item))
        except Refused as refusal:
            if refusal.status == ABSENT:
                return False
            raise
        return bool(found and found["metadata"]["uid"] == item["metadata"]["uid"])

    def _delete_one(self, kind: Kind, name: str, namespace: str) -> None:
        self.cluster.delete(kind, name, namespace)
        self.cluster.wait_gone(kind, name, namespace, deadline=self.deadlines.others)


def _is_custom(item: Object) -> bool:
    return str(item["apiVersion"]).startswith(f"{target.GROUP}/")
