"""What runs in a cluster, whatever cluster it is: lines for `status` and the overview."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.engines.kube.manifests import Object


@dataclass(frozen=True)
class Seen:
    """A part of what dataflows run on.

    Attributes:
        text: What there is, in words.
        is_there: Whether what stands upon it can be looked at.
    """

    text: str
    is_there: bool = True


def rows(nodes: Sequence[Object], pods: Sequence[Object]) -> Iterator[tuple[str, str]]:
    """Yield a line for the nodes, and one for the pods of each namespace.

    Args:
        nodes: The nodes.
        pods: The pods.
    """
    ready = [manifests.name_of(node) for node in nodes if kube_state.has_condition(node, "Ready")]
    yield "nodes Ready", f"{len(ready)} of {len(nodes)}: {', '.join(ready)}"
    for namespace in sorted({manifests.namespace_of(pod) for pod in pods}):
        mine = [pod for pod in pods if manifests.namespace_of(pod) == namespace]
        yield f"pods in {namespace}", f"{sum(map(kube_state.is_pod_ready, mine))} of {len(mine)} Ready"
