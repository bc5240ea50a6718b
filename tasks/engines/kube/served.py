"""The path at which the API serves each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube.calls import ABSENT, Refused

if TYPE_CHECKING:
    from tasks.engines.kube.calls import Requests
    from tasks.engines.kube.manifests import Kind, Object


@dataclass(frozen=True)
class Resource:
    """Where the API serves a kind."""

    root: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the path of one object, or of the list if `name` is empty."""
        inside = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.root}{inside}/{self.plural}" + (f"/{name}" if name else "")


class Served:
    """The kinds that the API serves, read once for each group and version."""

    def __init__(self, requests: Requests) -> None:
        """Keep how to ask the API; nothing is sent yet."""
        self._requests = requests
        self._known: dict[str, dict[str, Resource]] = {}

    def forget(self) -> None:
        """Forget all kinds, after definitions have been installed."""
        self._known.clear()

    def path_of(self, item: Object) -> str:
        """Return the path of an object."""
        return self.resource(manifests.kind_of(item)).path(manifests.namespace_of(item), manifests.name_of(item))

    def resource(self, kind: Kind) -> Resource:
        """Return where the API serves a kind.

        Raises:
            Refused: The cluster does not serve it.
        """
        served = self._known.get(kind.api_version)
        if served is None or kind.name not in served:
            served = self._known[kind.api_version] = self._discover(kind.api_version)
        if kind.name not in served:
            raise Refused(f"{kind.api_version} {kind.name}", ABSENT, "the cluster does not serve this kind")
        return served[kind.name]

    def _discover(self, api_version: str) -> dict[str, Resource]:
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        answer = self._requests.read_object(root)
        return {
            item["kind"]: Resource(root, item["name"], item["namespaced"])
            for item in answer["resources"]
            if "/" not in item["name"]
        }
