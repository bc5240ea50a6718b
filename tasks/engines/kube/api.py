"""The Kubernetes API of the cluster: read, apply, delete, run programs in pods, wait, and gather evidence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.engines.kube import calls, complaints, manifests, pod_exec
from tasks.engines.kube import state as kube_state
from tasks.engines.kube.applying import FIELD_MANAGER, Applying
from tasks.engines.kube.calls import Body, Requests
from tasks.engines.kube.connection import CREATE, Connection
from tasks.engines.kube.guest import AtHome, Guest
from tasks.engines.kube.manifests import Kind, Object
from tasks.engines.kube.served import Served
from tasks.engines.kube.server_facts import ServerFacts
from tasks.engines.kube.streams import Streams
from tasks.engines.programs import waiting
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tasks.engines.kube.applyset import ApplySet
    from tasks.engines.kube.pod_exec import Container, Ending
    from tasks.engines.programs.again import Patience
    from tasks.lack import Lack

# Named here because a method of the class is called `list`.
Objects = list[Object]

Refused = calls.Refused
ABSENT = calls.ABSENT
shortened = complaints.shortened

_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_APPLY = "application/apply-patch+yaml"
_CONNECTIONS = 8
# Each log that is followed has a connection of its own.
_STREAMS = 32
# Reading three objects one by one takes as long as reading the whole list.
_LIST_FROM = 3
_APPLY_DEADLINE = 30.0


@dataclass(frozen=True)
class Applied:
    """What an apply did: the labels of the objects that it changed, and the number that needed no change."""

    changed: tuple[str, ...]
    unchanged: int


class Kube:
    """One API server, accessed with the credentials of a kubeconfig. Safe to use from several threads."""

    def __init__(
        self, kubeconfig: Path, patience: Patience = calls.PATIENCE, *, ours: ApplySet | None = None, hint: str = CREATE
    ) -> None:
        """Read the kubeconfig; nothing is sent yet.

        Args:
            kubeconfig: The server's address and the credentials.
            patience: How long to retry while the server has temporary errors.
            hint: What to do if the server does not answer.
            ours: What marks this tool's objects in a cluster that is not its own; there, only they are changed.
        """
        self._connection = Connection(kubeconfig, _CONNECTIONS + _STREAMS, hint)
        self._requests = Requests(self._connection, patience)
        self.facts = ServerFacts(self._requests)
        self._served = Served(self._requests)
        self.streams = Streams(self._requests, self._served)
        self._house = Guest(self, ours) if ours else AtHome()
        # Kept, since starting threads takes longer than their requests in a run with nothing to do.
        self._workers = ThreadPoolExecutor(_CONNECTIONS)

    def identity(self) -> str:
        """Return the cluster's UID, which is that of its namespace kube-system."""
        system = self.get(manifests.NAMESPACE, "kube-system")
        return str(system["metadata"]["uid"]) if system else ""

    # Reading

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """Return one object, or None if it is absent."""
        try:
            found: Object = self._requests.read_object(self._served.resource(kind).path(namespace, name))
        except Refused as refusal:
            if refusal.status == ABSENT:
                return None
            raise
        return found

    def list(self, kind: Kind, namespace: str = "", selector: str = "") -> Objects:
        """Return the objects of a kind, in one namespace or in all.

        Args:
            kind: What to list.
            namespace: Namespace of the objects; empty for all namespaces.
            selector: Only the objects whose labels match: "app=x".
        """
        query = {"labelSelector": selector} if selector else {}
        answer = self._requests.read_object(self._served.resource(kind).path(namespace), query)
        # The items of a list lack their kind and version.
        return [{**item, "apiVersion": kind.api_version, "kind": kind.name} for item in answer["items"]]

    def list_if_served(self, kind: Kind, namespace: str = "", selector: str = "") -> Objects:
        """Return the same as `list`, or nothing if the cluster does not serve the kind, so that it has no objects."""
        try:
            return self.list(kind, namespace, selector)
        except Refused as refusal:
            if refusal.status == ABSENT:
                return []
            raise

    def lists(self, *kinds: Kind) -> Sequence[Objects]:
        """Return the objects of several kinds in all namespaces, read at the same time."""
        return self._together(self.list, kinds)

    def logs(self, where: Container, *, since: str = "", tail: int = 0) -> str:
        """Return a container's log.

        Args:
            where: The container.
            since: Only the lines since this time, in RFC 3339.
            tail: Only this many of the last lines; 0 for all.
        """
        query = {"container": where.name, "sinceTime": since, "tailLines": str(tail or "")}
        path = f"{self._served.resource(manifests.POD).path(where.namespace, where.pod)}/log"
        content = self._requests.read(path, {key: value for key, value in query.items() if value})
        return content.decode(errors="replace")

    # Changing

    def lack(self, items: Iterable[Object]) -> Lack:
        """Return which objects are absent, differ from the given content or are not ready."""
        wanted = self._wanted(items)
        live = self._live(wanted)
        return kube_state.lack_of_all((item, live.get(_key(item))) for item in wanted)

    def apply(self, items: Iterable[Object], *, deadline: float = _APPLY_DEADLINE) -> Applied:
        """Apply the objects that are absent or differ, by server-side apply.

        Definitions and namespaces come first, workloads last, and the objects of one group at the same time. Manual
        changes in the declared fields are undone.

        Args:
            items: The objects, in any order.
            deadline: Seconds to keep trying each object while the server refuses it for a temporary reason.

        Raises:
            Refused: The server refuses an object permanently.
            Problem: The cluster is not this tool's own, and has an object of that name from somebody else.
        """
        wanted = self._wanted(items)
        live = self._live(wanted)
        changed = [item for item in wanted if not kube_state.is_as_wanted(item, live.get(_key(item)))]
        if changed:
            self._house.prepare(changed, live.values())
        applying = Applying(self, self._served, deadline)
        for wave in manifests.waves(changed):
            self._together(applying.apply, wave)
            applying.wait_established(wave)
        labels = tuple(manifests.label_of(item) for item in changed)
        return Applied(labels, len(wanted) - len(changed))

    def send_apply(self, item: Object) -> None:
        """Apply one object as it is, without a look at what is there."""
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        self._requests.send("PATCH", self._served.path_of(item), query, Body(item, _APPLY))

    def patch(self, kind: Kind, name: str, namespace: str, change: Object) -> None:
        """Merge a change into an object (JSON merge patch: null removes a field).

        Raises:
            Problem: The cluster is not this tool's own, and the object is not ours.
        """
        self._house.require_mine(kind, name, namespace)
        path = self._served.resource(kind).path(namespace, name)
        self._requests.send("PATCH", path, {"fieldManager": FIELD_MANAGER}, Body(change, _MERGE))

    def delete(self, kind: Kind, name: str, namespace: str = "", *, uid: str = "") -> None:
        """Request the deletion of an object; an absent one is not an error.

        Args:
            kind: Its kind.
            name: Its name.
            namespace: Its namespace.
            uid: Delete it only if it has this UID, not a newer object of the same name.

        Raises:
            Problem: The cluster is not this tool's own, and the object is not ours.
        """
        self._house.require_mine(kind, name, namespace)
        # The options are in the body: if there is one, the server ignores those in the query.
        options = {"propagationPolicy": "Background", **({"preconditions": {"uid": uid}} if uid else {})}
        try:
            self._requests.send("DELETE", self._served.resource(kind).path(namespace, name), {}, Body(options, _JSON))
        except Refused as refusal:
            if refusal.status != ABSENT:
                raise

    def release(self, kind: Kind, name: str, namespace: str = "") -> None:
        """Remove an object's finalizers; an absent object is not an error."""
        try:
            self.patch(kind, name, namespace, {"metadata": {"finalizers": None}})
        except Refused as refusal:
            if refusal.status != ABSENT:
                raise

    def exec(self, where: Container, argv: Sequence[str], *, timeout: float = 60.0) -> str:
        """Run a program in a container and return its standard output.

        Args:
            where: The container.
            argv: Program and arguments; no shell is involved.
            timeout: Seconds the program may take.

        Raises:
            Problem: The program cannot be started, fails, or does not end in time.
        """
        output = bytearray()
        try:
            self.stream(where, argv, output.extend, timeout=timeout)
        except Problem as problem:
            problem.details = problem.details or output.decode(errors="replace").strip()
            raise
        return output.decode(errors="replace")

    def ending(self, where: Container, argv: Sequence[str], *, timeout: float = 60.0) -> Ending:
        """Run a program in a container, and return how it ended: its exit code, and all that it printed.

        Args:
            where: The container.
            argv: Program and arguments; no shell is involved.
            timeout: Seconds the program may take.

        Raises:
            Problem: The program cannot be started, or does not end in time; the details are what it printed.
            Passing: The connection broke.
        """
        return pod_exec.ending(self._connection, pod_exec.Program(where, argv), timeout=timeout)

    def stream(
        self, where: Container, argv: Sequence[str], take: Callable[[bytes], object], *, timeout: float = 60.0
    ) -> None:
        """Run a program in a container, and pass on its standard output as it arrives.

        Args:
            where: The container.
            argv: Program and arguments; no shell is involved.
            take: Called with the bytes of each piece of the output.
            timeout: Seconds the program may take.

        Raises:
            Problem: The program cannot be started, fails, or does not end in time.
            Passing: The connection broke.
        """
        pod_exec.run(self._connection, pod_exec.Program(where, argv), take, timeout=timeout)

    def give(self, where: Container, argv: Sequence[str], given: Iterable[bytes], *, timeout: float = 60.0) -> None:
        """Run a program in a container that reads a known number of bytes, and prints nothing before.

        Args:
            where: The container.
            argv: Program and arguments; no shell is involved.
            given: The bytes, piece by piece.
            timeout: Seconds the program may take after it has got them.

        Raises:
            Problem: The program cannot be started, fails, or does not end in time.
            Passing: The connection broke.
        """
        program = pod_exec.Program(where, argv, given)
        pod_exec.run(self._connection, program, bytearray().extend, timeout=timeout)

    # Waiting

    def wait_gone(self, kind: Kind, name: str, namespace: str = "", *, deadline: float) -> None:
        """Wait until an object is gone.

        Raises:
            Problem: It still exists after `deadline` seconds; its finalizers are named.
        """
        waiting.Condition(
            f"{kind} {name}: deleted",
            lambda: self.get(kind, name, namespace),
            lambda seen: seen is None,
            describe=lambda seen: ", ".join((seen or {}).get("metadata", {}).get("finalizers", [])),
        ).wait(deadline)

    def wait_rollout(self, kind: Kind, name: str, namespace: str, *, deadline: float) -> None:
        """Wait until a Deployment or DaemonSet runs its current template everywhere it should.

        Raises:
            Problem: It does not within `deadline` seconds; the details say why its pods are not ready.
        """

        def observe() -> Object:
            return self.get(kind, name, namespace) or {}

        def evidence() -> str:
            return self.evidence(namespace, manifests.selector_of(observe()))

        waiting.Condition(
            f"{kind} {namespace}/{name}: rolled out",
            observe,
            kube_state.is_rolled_out,
            describe=kube_state.progress_of_rollout,
        ).wait(deadline, explain=evidence, hint=f"./doit kubectl -n {namespace} describe {kind.name.lower()} {name}")

    def evidence(self, namespace: str, selector: str = "") -> str:
        """Return why pods are not ready: what their containers wait for, their last log lines and warnings."""
        return complaints.of_pods(self, namespace, selector)

    # Internals

    def _wanted(self, items: Iterable[Object]) -> Objects:
        """Return objects as they are applied: marked as ours where others have theirs, and with their digests."""
        return [manifests.stamped(self._house.marked(item)) for item in items]

    def _live(self, wanted: Sequence[Object]) -> dict[tuple[str, str, str], Object]:
        """Return those of the wanted objects that exist, read with few requests at the same time."""
        groups: dict[tuple[Kind, str], list[Object]] = {}
        for item in wanted:
            groups.setdefault((manifests.kind_of(item), manifests.namespace_of(item)), []).append(item)
        found = self._together(lambda group: self._live_group(*group), list(groups.items()))
        return {_key(item): item for items in found for item in items}

    def _live_group(self, where: tuple[Kind, str], wanted: Sequence[Object]) -> Sequence[Object]:
        kind, namespace = where
        if len(wanted) >= _LIST_FROM:
            return self.list_if_served(kind, namespace)
        return [item for one in wanted if (item := self.get(kind, manifests.name_of(one), namespace))]

    def _together(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Sequence[Any]:
        if len(items) <= 1:
            return [work(item) for item in items]
        # The context holds the deadline of the current wait, which also limits each thread's retries.
        contexts = [copy_context() for _ in items]
        return [*self._workers.map(lambda context, item: context.run(work, item), contexts, items)]


def _key(item: Object) -> tuple[str, str, str]:
    return item["kind"], manifests.namespace_of(item), manifests.name_of(item)
