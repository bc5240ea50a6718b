"""What every controller of the sample works with."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .api import Api

from .names import CONFIG_NAMESPACE

# Seconds until a controller looks at an object again; None: at the object's next change.
Delay = float | None
AT_ONCE, SOON, LATER = 0.0, 0.3, 1.0
NO_CAPACITY_SECONDS = 10.0


@dataclass(frozen=True)
class Context:
    """The cluster, the controller's own node, and what it read once at its start."""

    api: Api
    node: str = ""
    kinds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Role:
    """One controller: what it does at its start, and what it does about each resource that it watches.

    Attributes:
        prepare: completes the context before the first object is looked at.
        reconcilers: per resource, a function that moves one object a step further and returns when to look again.
    """

    prepare: Callable[[Context], Context]
    reconcilers: Mapping[str, Callable[[Context, str, str], Delay]]


def config_json(api: Api, name: str) -> Any:
    """Return the JSON document in a ConfigMap of the configuration namespace, whatever its key is.

    Raises:
        LookupError: there is no such ConfigMap, or it is empty.
    """
    body = api.get("configmaps", CONFIG_NAMESPACE, name)
    documents = list((body or {}).get("data", {}).values())
    if not documents:
        raise LookupError(f"ConfigMap {CONFIG_NAMESPACE}/{name} is missing or empty")
    return json.loads(documents[-1])
