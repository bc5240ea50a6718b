"""The Kubernetes API of the cluster: read, apply, delete, run in pods, wait, and gather evidence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tasks.engines.kube import calls, complaints, manifests, pod_exec
from tasks.engines.kube import state as kube_state
from tasks.engines.kube.applying import FIELD_MANAGER, Applying
from tasks.engines.kube.calls import Body, Requests
from tasks.engines.kube.manifests import Kind, Object
from tasks.engines.kube.served import Served
from tasks.engines.programs import waiting
from tasks.lack import Lack
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from kubernetes.client import Configuration

    from tasks.engines.kube.pod_exec import Container
    from tasks.engines.programs.again import Patience

# Named here because a method of the class is called `list`.
Objects = list[Object]

Refused = calls.Refused
ABSENT = calls.ABSENT
shortened = complaints.shortened

_MERGE = "application/merge-patch+json"
_JSON = "application/json"
_CONNECTIONS = 8
# Reading three objects one by one costs as much as the list they are in.
_LIST_FROM = 3
_APPLY_DEADLINE = 30.0


@dataclass(frozen=True)
class Applied:
    """What an apply did: the labels of the objects it changed, and how many it found as they should be."""

    changed: tuple[str, ...]
    unchanged: int


class Kube:
    """One API server, spoken to with the credentials of a kubeconfig. Safe to use from several threads."""

    def __init__(self, kubeconfig: Path, patience: Patience = calls.PATIENCE) -> None:
        """Read the kubeconfig; nothing is sent yet.

        Args:
            kubeconfig: Where the server is, and who asks.
            patience: For how long it is asked again while it is not well.
        """
        from kubernetes import client, config

        self._configuration = client.Configuration()
        config.load_kube_config(  # type: ignore[no-untyped-call]
            str(kubeconfig), client_configuration=self._configuration, persist_config=False
        )
        self._configuration.connection_pool_maxsize = _CONNECTIONS
        _ask_no_proxy(self._configuration)
        self._pool = client.ApiClient(self._configuration).rest_client.pool_manager
        settings: Iterable[Any] = self._configuration.auth_settings().values()
        credentials = {auth["key"]: auth["value"] for auth in settings}
        self._requests = Requests(self._configuration.host, self._pool, credentials, patience)
        self._served = Served(self._requests)
        # Kept: starting threads costs a run with nothing to do more than what they ask for.
        self._workers = ThreadPoolExecutor(_CONNECTIONS)

    def identity(self) -> str:
        """Return the cluster's own UID: that of its namespace kube-system."""
        system = self.get(manifests.NAMESPACE, "kube-system")
        return str(system["metadata"]["uid"]) if system else ""

    # Reading

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        """Return one object, or None where it is absent."""
        try:
            found: Object = self._requests.read_object(self._served.resource(kind).path(namespace, name))
        except Refused as refusal:
            if refusal.status == ABSENT:
                return None
            raise
        return found

    def list(self, kind: Kind, namespace: str = "", selector: str = "") -> Objects:
        """Return the objects of a kind, of all namespaces where `namespace` is empty.

        Args:
            kind: What to list.
            namespace: Only the objects in it.
            selector: Only the objects whose labels it selects: "app=x".
        """
        query = {"labelSelector": selector} if selector else {}
        answer = self._requests.read_object(self._served.resource(kind).path(namespace), query)
        # The items of a list do not say what they are.
        return [{**item, "apiVersion": kind.api_version, "kind": kind.name} for item in answer["items"]]

    def lists(self, *kinds: Kind) -> Sequence[Objects]:
        """Return the objects of several kinds, of all namespaces, asked for at the same time."""
        return self._together(self.list, kinds)

    def logs(self, where: Container, *, since: str = "", tail: int = 0) -> str:
        """Return a container's log.

        Args:
            where: The container.
            since: Only lines from this moment on, in RFC 3339.
            tail: Only the last lines; all where 0.
        """
        query = {"container": where.name, "sinceTime": since, "tailLines": str(tail or "")}
        path = f"{self._served.resource(manifests.POD).path(where.namespace, where.pod)}/log"
        content = self._requests.read(path, {key: value for key, value in query.items() if value})
        return content.decode(errors="replace")

    # Changing

    def lack(self, items: Iterable[Object]) -> Lack:
        """Return what keeps objects from being there, applied with this very content, unchanged and settled."""
        wanted = [manifests.stamped(item) for item in items]
        live = self._live(wanted)
        found = {manifests.label_of(item): kube_state.lack(item, live.get(_key(item))) for item in wanted}
        return Lack(tuple(f"{label}: {phrase}" for label, phrase in found.items() if phrase))

    def apply(self, items: Iterable[Object], *, deadline: float = _APPLY_DEADLINE) -> Applied:
        """Make objects be as they should: server-side apply of those that are absent or differ.

        Definitions and namespaces go first, workloads last, the objects of one group at the same time. Changes of a
        hand in fields we declare are taken back.

        Args:
            items: The objects, in any order.
            deadline: Seconds to go on trying each object while the server refuses for reasons that pass.

        Raises:
            Refused: The server refuses an object for good.
        """
        wanted = [manifests.stamped(item) for item in items]
        live = self._live(wanted)
        changed = [item for item in wanted if not kube_state.is_as_wanted(item, live.get(_key(item)))]
        applying = Applying(self, self._requests, self._served, deadline)
        for wave in manifests.waves(changed):
            self._together(applying.apply, wave)
            applying.wait_established(wave)
        labels = tuple(manifests.label_of(item) for item in changed)
        return Applied(labels, len(wanted) - len(changed))

    def patch(self, kind: Kind, name: str, namespace: str, change: Object) -> None:
        """Merge a change into an object (JSON merge patch: null removes a field)."""
        path = self._served.resource(kind).path(namespace, name)
        self._requests.send("PATCH", path, {"fieldManager": FIELD_MANAGER}, Body(change, _MERGE))

    def delete(self, kind: Kind, name: str, namespace: str = "", *, uid: str = "") -> None:
        """Ask for an object to be deleted; one that is absent is fine.

        Args:
            kind: Its kind.
            name: Its name.
            namespace: Its namespace.
            uid: Only the object that has this UID, and none that has taken its name since.
        """
        # In the body: the server reads no options of the query where there is one.
        options = {"propagationPolicy": "Background", **({"preconditions": {"uid": uid}} if uid else {})}
        try:
            self._requests.send("DELETE", self._served.resource(kind).path(namespace, name), {}, Body(options, _JSON))
        except Refused as refusal:
            if refusal.status != ABSENT:
                raise

    def release(self, kind: Kind, name: str, namespace: str = "") -> None:
        """Take away an object's finalizers; one that is absent is fine."""
        try:
            self.patch(kind, name, namespace, {"metadata": {"finalizers": None}})
        except Refused as refusal:
            if refusal.status != ABSENT:
                raise

    def exec(self, where: Container, argv: Sequence[str], *, timeout: float = 60.0) -> str:
        """Run a program in a container and return its standard output.

        Args:
            where: The container.
            argv: Program and arguments; no shell takes part.
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

    def stream(
        self, where: Container, argv: Sequence[str], take: Callable[[bytes], object], *, timeout: float = 60.0
    ) -> None:
        """Run a program in a container, and hand on its standard output as it comes.

        Args:
            where: The container.
            argv: Program and arguments; no shell takes part.
            take: Takes the bytes of one piece of the output.
            timeout: Seconds the program may take.

        Raises:
            Problem: The program cannot be started, fails, or does not end in time.
            Passing: The connection broke.
        """
        pod_exec.run(self._configuration, pod_exec.Program(where, argv), take, timeout=timeout)

    # Waiting

    def wait_gone(self, kind: Kind, name: str, namespace: str = "", *, deadline: float) -> None:
        """Wait until an object is no more.

        Raises:
            Problem: It is still there after `deadline` seconds; the finalizers it waits for are named.
        """
        waiting.Condition(
            f"{kind} {name}: deleted",
            lambda: self.get(kind, name, namespace),
            lambda seen: seen is None,
            describe=lambda seen: ", ".join((seen or {}).get("metadata", {}).get("finalizers", [])),
        ).wait(deadline)

    def wait_rollout(self, kind: Kind, name: str, namespace: str, *, deadline: float) -> None:
        """Wait until a Deployment or DaemonSet runs what its template says, everywhere it should.

        Raises:
            Problem: It does not within `deadline` seconds; carries what its pods complain about.
        """

        def observe() -> Object:
            return self.get(kind, name, namespace) or {}

        def evidence() -> str:
            selector = observe().get("spec", {}).get("selector", {}).get("matchLabels", {})
            return self.evidence(namespace, ",".join(f"{key}={value}" for key, value in selector.items()))

        waiting.Condition(
            f"{kind} {namespace}/{name}: rolled out",
            observe,
            kube_state.is_rolled_out,
            describe=kube_state.progress_of_rollout,
        ).wait(deadline, explain=evidence, hint=f"kubectl -n {namespace} describe {kind.name.lower()} {name}")

    # Evidence

    def evidence(self, namespace: str, selector: str = "") -> str:
        """Return why pods are not ready: what their containers wait for, their last log lines and warnings."""
        return complaints.of_pods(self, namespace, selector)

    # Underneath

    def _live(self, wanted: Sequence[Object]) -> dict[tuple[str, str, str], Object]:
        """Read what is there of the wanted objects, by few requests at the same time."""
        groups: dict[tuple[Kind, str], list[Object]] = {}
        for item in wanted:
            groups.setdefault((manifests.kind_of(item), manifests.namespace_of(item)), []).append(item)
        found = self._together(lambda group: self._live_group(*group), list(groups.items()))
        return {_key(item): item for items in found for item in items}

    def _live_group(self, where: tuple[Kind, str], wanted: Sequence[Object]) -> Sequence[Object]:
        kind, namespace = where
        try:
            if len(wanted) >= _LIST_FROM:
                return self.list(kind, namespace)
            return [item for one in wanted if (item := self.get(kind, manifests.name_of(one), namespace))]
        except Refused as refusal:
            if refusal.status == ABSENT:  # the kind's definition is not there yet, so nothing of it is
                return []
            raise

    def _together(self, work: Callable[[Any], Any], items: Sequence[Any]) -> Sequence[Any]:
        if len(items) <= 1:
            return [work(item) for item in items]
        # The wait that this is part of bounds the patience of each thread's requests.
        contexts = [copy_context() for _ in items]
        return [*self._workers.map(lambda context, item: context.run(work, item), contexts, items)]


def _ask_no_proxy(configuration: Configuration) -> None:
    """Have the API, which kind serves on loopback, asked directly, whatever the environment says of proxies.

    The library's websockets look into the environment, in a way of their own, unless the configuration names both a
    proxy and an exception; so the exception is the server itself, and the proxy one that is never asked.
    """
    configuration.proxy = configuration.host
    configuration.no_proxy = urlsplit(configuration.host).hostname


def _key(item: Object) -> tuple[str, str, str]:
    return item["kind"], manifests.namespace_of(item), manifests.name_of(item)
