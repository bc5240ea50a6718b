"""What all scenarios need in the cluster: namespaces, rights, and the placement of multi-worker patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks.controller import capacity
from tasks.controller.kinds import FUNCTION_TARGET
from tasks.engines.kube import rbac
from tasks.patterns import known
from tasks.scenarios import files
from tasks.settings import parameters
from tasks.target import choice

if TYPE_CHECKING:
    from tasks.engines.kube.manifests import Object
    from tasks.lack import Lack
    from tasks.target.interface import Target


def lack_of_namespaces() -> Lack:
    """Return which of the functions' namespaces are missing."""
    there = choice.of(parameters.current())
    return there.api.lack(namespaces(there))


def create_namespaces() -> None:
    """Create the functions' namespaces."""
    there = choice.of(parameters.current())
    there.api.apply(namespaces(there))


def namespaces(there: Target) -> list[Object]:
    """Return the namespaces that functions run in, with what the cluster needs there.

    Args:
        there: The cluster.
    """
    return there.prepared(known.function_namespaces())


def lack_of_setup() -> Lack:
    """Return what keeps functions from reading their configuration, else the capacity that is not offered yet."""
    there = choice.of(parameters.current())
    missing = capacity.missing_targets(there.api, there.workers)
    return there.api.lack(_bindings()) or lacks.of(
        *(f"{FUNCTION_TARGET} {name}: {seen}" for name, seen in missing.items())
    )


def set_up() -> None:
    """Let functions read what their sidecars watch, and wait until every worker offers its capacity.

    Raises:
        Problem: The controller did not publish a worker's capacity within CONTROLLER_DEADLINE.
    """
    chosen = parameters.current()
    there = choice.of(chosen)
    there.api.apply(_bindings())
    capacity.await_targets(there.api, there.workers, chosen.controller_deadline)


def lack_of_placement() -> Lack:
    """Return which of the ConfigMaps are missing that spread multi-worker patterns over the workers."""
    there = choice.of(parameters.current())
    return there.api.lack(_placement(there))


def place() -> None:
    """Create the ConfigMaps that spread multi-worker patterns over the workers, in each namespace of patterns."""
    there = choice.of(parameters.current())
    there.api.apply(_placement(there))


def _placement(there: Target) -> list[Object]:
    workers = there.workers
    return [item for namespace in known.namespaces() for item in files.placement(namespace, workers)]


def _bindings() -> list[Object]:
    """Return the bindings that let the default account of each functions' namespace read objects.

    The sidecars need this to watch ConfigMaps.
    """
    return [
        rbac.binding(f"{namespace}-view", "view", ("default", namespace)) for namespace in known.function_namespaces()
    ]
