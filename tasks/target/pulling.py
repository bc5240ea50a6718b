"""How pods of an existing cluster pull from a registry that asks who they are: its nodes know no credentials."""

from __future__ import annotations

import base64
import copy
import json
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube.manifests import Kind
from tasks.settings import credentials, target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Protocol

    from tasks.engines.kube.manifests import Object

    class Cluster(Protocol):
        """What is asked of the API."""

        def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
            """Return one object, or None if it is absent."""


SECRET = Kind("v1", "Secret")
ACCOUNT = Kind("v1", "ServiceAccount")
NAME = "openkasugai-registry"
# The account of pods that name none, which Kubernetes makes in each namespace.
_DEFAULT = "default"
_FIELD = "imagePullSecrets"
_WORKLOADS = (manifests.DEPLOYMENT, manifests.DAEMON_SET)


def secrets(registry: str, namespaces: Iterable[str]) -> list[Object]:
    """Return the Secrets with the credentials of this process; none if it has none, so that those there stay.

    Args:
        registry: Host of the registry, perhaps with a port.
        namespaces: Where pods pull from it.
    """
    login = credentials.current()
    if login is None:
        return []
    config = json.dumps({"auths": {registry: {"auth": login.basic}}})
    data = {".dockerconfigjson": base64.b64encode(config.encode()).decode()}
    return [
        {
            "apiVersion": SECRET.api_version,
            "kind": SECRET.name,
            "metadata": {"name": NAME, "namespace": name},
            "type": "kubernetes.io/dockerconfigjson",
            "data": data,
        }
        for name in namespaces
    ]


def accounts(cluster: Cluster, namespaces: Iterable[str]) -> list[Object]:
    """Return the default accounts of namespaces of ours, whose pods the controller makes; none without credentials.

    Args:
        cluster: The API.
        namespaces: The namespaces.
    """
    if credentials.current() is None:
        return []
    return [
        {
            "apiVersion": ACCOUNT.api_version,
            "kind": ACCOUNT.name,
            "metadata": {"name": _DEFAULT, "namespace": name},
            _FIELD: _with_ours((cluster.get(ACCOUNT, _DEFAULT, name) or {}).get(_FIELD) or []),
        }
        for name in namespaces
    ]


def of_pod(cluster: Cluster) -> Object:
    """Return the fields of a pod of ours by which it pulls; none where no credentials were ever given.

    Args:
        cluster: The API.
    """
    is_known = credentials.current() is not None or cluster.get(SECRET, NAME, target.DAEMONS) is not None
    return {_FIELD: [{"name": NAME}]} if is_known else {}


def prepared(items: Iterable[Object], cluster: Cluster, registry: str) -> list[Object]:
    """Return the objects of a part of the controller with what its pods pull by.

    Args:
        items: The objects; they are not changed.
        cluster: The API.
        registry: Host of the registry, perhaps with a port.
    """
    given, fields = [*items], of_pod(cluster)
    spaces = {manifests.namespace_of(item) for item in given if manifests.kind_of(item) in _WORKLOADS}
    # The Secret in the namespace of the daemons is there already: the Jobs pull by it, too.
    added = secrets(registry, sorted(spaces - {target.DAEMONS}))
    return [*(_pulling(item) if fields and manifests.kind_of(item) in _WORKLOADS else item for item in given), *added]


def _pulling(workload: Object) -> Object:
    made = copy.deepcopy(workload)
    pod = made["spec"]["template"]["spec"]
    pod[_FIELD] = _with_ours(pod.get(_FIELD) or [])
    return made


def _with_ours(given: list[Object]) -> list[Object]:
    """Return names of Secrets with ours; those of others stay in their order, so that nothing changes to and fro."""
    ours = {"name": NAME}
    return given if ours in given else [*given, ours]
