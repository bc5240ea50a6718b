"""What is refused in a cluster of others: runs, and what its owners may have there already."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.cluster.lab import BASIC

_UNKNOWN = "00000000-0000-0000-0000-000000000000"
_NOBODYS = "elsewhere-worker9"


@dataclass(frozen=True)
class Refusal:
    """A run that is refused.

    Attributes:
        says: What its one line has to name.
        words: Its words.
        env: Its parameters.
    """

    says: str
    words: tuple[str, ...] = ("attach",)
    env: dict[str, str] = field(default_factory=dict)


REFUSALS = {
    "a context that is not there": Refusal("TARGET_CONTEXT", env={"TARGET_CONTEXT": "nobodys"}),
    "no context": Refusal("TARGET_CONTEXT", env={"TARGET_CONTEXT": ""}),
    "no kubeconfig": Refusal("TARGET_KUBECONFIG", env={"TARGET_KUBECONFIG": ""}),
    "no consent": Refusal("TARGET_UID", env={"TARGET_UID": ""}),
    "consent to another cluster": Refusal("TARGET_UID", env={"TARGET_UID": _UNKNOWN}),
    "a dataflow without consent": Refusal("TARGET_UID", (BASIC,), {"TARGET_UID": ""}),
    "a worker that is no node": Refusal(_NOBODYS, env={"TARGET_WORKERS": _NOBODYS}),
    "a cluster made anew": Refusal("RECREATE", (BASIC,), {"RECREATE": "1"}),
    "an embedded registry": Refusal("REGISTRY", (BASIC,), {"REGISTRY": "embedded"}),
    "an add-on that others have installed": Refusal("ADDONS: multus is there already", env={"ADDONS": "multus"}),
    "node images": Refusal("TARGET=existing", ("images",)),
    "node steps": Refusal("TARGET=existing", ("node:trust-registry",)),
    "cards": Refusal("TARGET=existing", ("nics",)),
    "a GPU": Refusal("TARGET=existing", ("gpu_lease",)),
    "its deletion": Refusal("./doit detach", ("delete_cluster",)),
}


@dataclass(frozen=True)
class Foreign:
    """Something of others that must not be touched.

    Attributes:
        says: What the line has to name.
        make: What its owner gives kubectl.
        undo: What the administrator gives kubectl afterwards.
        stdin: What it reads at first.
    """

    says: str
    make: tuple[str, ...]
    undo: tuple[str, ...]
    stdin: str | None = None


_LEVEL = "pod-security.kubernetes.io/enforce"
_DEFINITION = "dataflows.example.com"
_SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
_DATAFLOWS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": _DEFINITION},
    "spec": {
        "group": "example.com",
        "names": {"kind": "DataFlow", "plural": "dataflows"},
        "scope": "Namespaced",
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": _SCHEMA}],
    },
}
FOREIGN = {
    "a namespace": Foreign(
        "cpufunc-calcapp", ("create", "namespace", "cpufunc-calcapp"), ("delete", "namespace", "cpufunc-calcapp")
    ),
    "a definition": Foreign(
        _DEFINITION, ("apply", "-f", "-"), ("delete", "customresourcedefinition", _DEFINITION), json.dumps(_DATAFLOWS)
    ),
    "a Pod Security level": Foreign(
        "restricted",
        ("label", "namespace", "default", f"{_LEVEL}=restricted"),
        ("label", "namespace", "default", f"{_LEVEL}-"),
    ),
}
