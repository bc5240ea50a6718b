"""What the API server says of itself, and of what the credentials may do there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube.calls import Body, Refused

if TYPE_CHECKING:
    from tasks.engines.kube.calls import Requests
    from tasks.engines.kube.manifests import Object

_FORBIDDEN = 403
_JSON = "application/json"
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_REVIEW = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview"}


@dataclass(frozen=True)
class ServerFacts:
    """An API server.

    Attributes:
        requests: Requests to it.
    """

    requests: Requests

    def version(self) -> str:
        """Return the version of Kubernetes, such as v1.31.1."""
        return str(self.requests.read_object("/version")["gitVersion"])

    def is_allowed(self, group: str, resource: str, verb: str) -> bool:
        """Return whether these credentials may do something in all namespaces; nothing is changed by asking.

        Args:
            group: API group; empty for the core.
            resource: Plural name of a kind, perhaps with a subresource.
            verb: What would be done.
        """
        name, _, subresource = resource.partition("/")
        asked = {"group": group, "resource": name, "subresource": subresource, "verb": verb}
        body = {**_REVIEW, "spec": {"resourceAttributes": asked}}
        answer = json.loads(self.requests.send("POST", _REVIEWS, {}, Body(body, _JSON)))
        return bool(answer["status"].get("allowed"))

    def refusal(self, pod: Object) -> str:
        """Return why the cluster would forbid a pod; empty if it admits it, or cannot say: nothing is made by asking.

        Args:
            pod: The pod.
        """
        path = f"/api/v1/namespaces/{manifests.namespace_of(pod)}/pods"
        try:
            self.requests.send("POST", path, {"dryRun": "All"}, Body(pod, _JSON))
        except Refused as refusal:
            return refusal.message.removeprefix(f"{path}: ") if refusal.status == _FORBIDDEN else ""
        return ""
