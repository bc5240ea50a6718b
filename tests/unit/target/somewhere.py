"""A cluster of others, as an API without a server: it knows its objects, and what its user may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tasks.engines.kube import manifests
from tasks.settings import target
from tasks.target.candidate import Candidate

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Kind, Object
    from tasks.settings.parameters.model import Parameters

UID = "01234567-89ab-cdef-0123-456789abcdef"
SERVER = "https://192.0.2.1:6443"


@dataclass(frozen=True)
class Facts:
    """What the server says of itself.

    Attributes:
        release: Its version.
        forbidden: Resource and verb of what the user may not do.
        forbids: Why it would forbid a privileged pod.
    """

    release: str = "v1.31.1"
    forbidden: frozenset[tuple[str, str]] = frozenset()
    forbids: str = ""

    def version(self) -> str:
        return self.release

    def is_allowed(self, _group: str, resource: str, verb: str) -> bool:
        return (resource, verb) not in self.forbidden

    def refusal(self, _pod: Object) -> str:
        return self.forbids


@dataclass
class Api:
    """Reads, and keeps what is written.

    Attributes:
        objects: What there is.
        facts: What the server says.
        written: What was applied or deleted, by its label.
    """

    objects: list[Object]
    facts: Facts = field(default_factory=Facts)
    written: list[str] = field(default_factory=list)

    def identity(self) -> str:
        return UID

    def list_if_served(self, kind: Kind) -> Iterable[Object]:
        return self.list(kind)

    def list(self, kind: Kind, namespace: str = "", _selector: str = "") -> list[Object]:
        found = [item for item in self.objects if manifests.kind_of(item) == kind]
        return [item for item in found if namespace in {"", manifests.namespace_of(item)}]

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        return next((item for item in self.list(kind, namespace) if manifests.name_of(item) == name), None)

    def send_apply(self, item: Object) -> None:
        self.written.append(manifests.label_of(item))
        self.objects.append(item)


def node(name: str, *, labels: tuple[str, ...] = (), architecture: str = "amd64", host: str = "") -> Object:
    """Return a node."""
    info = {"operatingSystem": "linux", "architecture": architecture, "bootID": "b", "containerRuntimeVersion": "x://1"}
    marks = {**dict.fromkeys(labels, ""), target.HOST_NAME: host or name}
    metadata = {"name": name, "uid": f"uid-{name}", "labels": marks}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": {"nodeInfo": info}}


def definition(plural: str) -> Object:
    """Return a definition of the controller's group, from others."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {"group": "example.com"},
    }


def workload(image: str, owner: str = "") -> Object:
    """Return a DaemonSet with a container of this image, from others or of an owner."""
    pod = {"containers": [{"name": "main", "image": image}]}
    labels = {target.OWNER: owner} if owner else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": image.rpartition("/")[2].partition(":")[0], "namespace": "kube-system", "labels": labels},
        "spec": {"template": {"spec": pod}},
    }


def candidate(chosen: Parameters, *objects: Object, facts: Facts | None = None) -> Candidate:
    """Return a cluster with two workers and these objects."""
    config: dict[str, Any] = {"clusters": [{"cluster": {"server": SERVER}}]}
    found = Candidate(chosen, config)
    api = Api([node("one"), node("two"), *objects], facts or Facts())
    vars(found)["api"] = cast("Kube", api)
    return found


def parameters_of(kubeconfig: pathlib.Path | str = "/none", **env: str) -> dict[str, str]:
    """Return the environment that names the cluster."""
    return {
        "TARGET": "existing",
        "REGISTRY": "harbor",
        "EMULATE": "",
        "TARGET_KUBECONFIG": str(kubeconfig),
        "TARGET_CONTEXT": "theirs",
        "TARGET_UID": UID,
        **env,
    }
