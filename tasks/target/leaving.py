"""Takes everything out of an existing cluster that this tool has made there, and proves that it is gone."""

from __future__ import annotations

import itertools
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.kube import access, applyset, attachment, guest, manifests
from tasks.engines.kube.manifests import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, Kind
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import parameters, paths, target, target_rights
from tasks.target import snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

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
        more = [kind for kind in _of_addons() if applyset.group_kind(kind) in listed]
        kinds = {applyset.group_kind(kind): kind for kind in [*snapshot.kinds(), *more, *self._custom_kinds()]}
        found = [*kinds.values(), *self._served_kinds(listed - kinds.keys())]
        return [item for kind in found for item in self._own(kind)]

    def forget(self) -> None:
        """Delete the parent of the ApplySet, last of all."""
        where = manifests.CONFIG_MAP, applyset.NAME, applyset.NAMESPACE
        self.cluster.delete(*where)
        self.cluster.wait_gone(*where, deadline=self.deadlines.others)

    def _take_down_dataflows(self) -> None:
        for kind in self._custom_kinds():
            if kind.name == _DATA_FLOW:
                self._take_down(self._own(kind))

    def _take_down(self, dataflows: Sequence[Object]) -> None:
        """Delete dataflows; those that the controller does not take down in time are taken from it."""
        try:
            self._delete(dataflows, self.deadlines.dataflows)
        except Problem as problem:
            progress.line(f"{problem.message}; going on without the controller")
            self._release(dataflows)

    def _delete_definitions(self) -> Iterator[str]:
        """Delete our definitions; one of whose kind others have objects stays, and then carries no label of ours."""
        unused = []
        for definition in self._own(CUSTOM_RESOURCE_DEFINITION):
            foreign = self._foreign_of(_stored(definition))
            if foreign:
                names = ", ".join(map(manifests.label_of, foreign))
                yield f"{manifests.label_of(definition)} stays, because objects of others need it: {names}"
                self._give_up([definition])
            else:
                unused.append(definition)
        # Nothing answers their finalizers any longer.
        self._release([item for each in unused for item in self.cluster.list_if_served(_stored(each))])
        self._delete(unused)

    def _foreign_of(self, kind: Kind) -> list[Object]:
        """Return what others have of a kind: nothing of ours is left of it by now, but for what programs made."""
        return [] if guest.is_generated(kind) else self.cluster.list_if_served(kind)

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
        listed = (item for kind in snapshot.kinds() for item in self.cluster.list_if_served(kind, namespace=namespace))
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
        return self.cluster.list_if_served(kind, selector=applyset.selector(self.attached.owner))

    def _custom_kinds(self) -> list[Kind]:
        """Return the kinds of the controller's definitions that are ours."""
        return [_stored(item) for item in self._own(CUSTOM_RESOURCE_DEFINITION)]

    def _served_kinds(self, listed: Collection[str]) -> list[Kind]:
        """Return the kinds, listed as `Kind.group`, that definitions of others serve."""
        if not listed:
            return []
        return [
            kind
            for kind in map(_stored, self.cluster.list(CUSTOM_RESOURCE_DEFINITION))
            if applyset.group_kind(kind) in listed
        ]

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
        found = self.cluster.get(manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item))
        return bool(found and found["metadata"]["uid"] == item["metadata"]["uid"])


def _of_addons() -> list[Kind]:
    """Return the kinds of Kubernetes that only add-ons have."""
    return [Kind(*each) for each in target_rights.kinds(itertools.chain(*target_rights.OF_ADDONS.values()))]


def _stored(definition: Object) -> Kind:
    """Return the kind of a definition, in the version in which the cluster stores it."""
    spec = definition["spec"]
    version = next(each["name"] for each in spec["versions"] if each["storage"])
    return Kind(f"{spec['group']}/{version}", spec["names"]["kind"])


def _is_custom(item: Object) -> bool:
    return str(item["apiVersion"]).startswith(f"{target.GROUP}/")
