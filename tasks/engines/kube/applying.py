"""Objects applied one by one: temporary failures are retried, and objects that cannot be changed are recreated."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tasks import progress
from tasks.engines.kube import calls, immutable, manifests
from tasks.engines.kube import state as kube_state
from tasks.engines.kube.calls import ABSENT, Refused
from tasks.engines.programs import waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.engines.kube.manifests import Kind, Object
    from tasks.engines.kube.served import Served

FIELD_MANAGER = "openkasugai-all-in-one"
# Conflicts, webhooks and definitions that have only just been installed, namespaces that are still being deleted.
_PASSING = frozenset({403, ABSENT, 409, 429, 500, 502, 503, 504})
_PAUSE = 0.5


class Cluster(Protocol):
    """What applying needs of the cluster besides the requests."""

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """Return one object, or None if it is absent."""

    def list(self, kind: Kind, namespace: str = "", selector: str = "") -> list[Object]:
        """Return the objects of a kind."""

    def delete(self, kind: Kind, name: str, namespace: str = "", *, uid: str = "") -> None:
        """Request the deletion of an object."""

    def send_apply(self, item: Object) -> None:
        """Apply one object as it is."""

    def wait_gone(self, kind: Kind, name: str, namespace: str = "", *, deadline: float) -> None:
        """Wait until an object is gone."""


@dataclass(frozen=True)
class Applying:
    """One apply of several objects.

    Attributes:
        cluster: Where they are applied.
        served: The path of each kind on the server.
        deadline: Seconds to keep trying each object while the server refuses it for a temporary reason.
    """

    cluster: Cluster
    served: Served
    deadline: float

    def apply(self, item: Object) -> None:
        """Apply an object; recreate it if it cannot be changed.

        Raises:
            Refused: The server refuses it permanently, or until the deadline.
        """
        end = time.monotonic() + self.deadline
        recreated = False
        while True:
            try:
                self._apply_once(item)
            except Refused as refusal:
                changed = () if recreated else immutable.fields(refusal)
                if changed:
                    self._make_way(item, changed)
                    recreated = True
                elif refusal.status not in _PASSING or time.monotonic() > end:
                    raise Refused(manifests.label_of(item), refusal.status, refusal.message) from refusal
            except calls.Unanswered:
                if time.monotonic() > end:
                    raise
            else:
                return
            time.sleep(_PAUSE)

    def _apply_once(self, item: Object) -> None:
        self.cluster.send_apply(item)

    def _make_way(self, item: Object, changed: tuple[str, ...]) -> None:
        """Delete an object of this tool that has to be recreated because it cannot be changed.

        Raises:
            Problem: It must not be recreated, or is not deleted in time.
        """
        kind, name, namespace = manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item)
        live = self.cluster.get(kind, name, namespace)
        if live is None:
            return
        disturbed = immutable.disturbance(item, live, changed)
        progress.line(f"{manifests.label_of(item)} is made again, as {', '.join(changed)} cannot change: {disturbed}")
        self.cluster.delete(kind, name, namespace, uid=live["metadata"]["uid"])
        self.cluster.wait_gone(kind, name, namespace, deadline=self.deadline)

    def wait_established(self, wave: Sequence[Object]) -> None:
        """Wait until the definitions among objects serve their kinds."""
        kind = manifests.CUSTOM_RESOURCE_DEFINITION
        names = {manifests.name_of(item) for item in wave if item["kind"] == kind.name}
        if not names:
            return
        self.served.forget()

        def missing() -> set[str]:
            found = [item for item in self.cluster.list(kind) if kube_state.has_condition(item, "Established")]
            return names - {manifests.name_of(item) for item in found}

        waiting.Condition(
            f"{len(names)} CustomResourceDefinitions: Established",
            missing,
            lambda absent: not absent,
            describe=lambda absent: f"missing: {', '.join(sorted(absent))}",
        ).wait(self.deadline)
