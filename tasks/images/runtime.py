"""Which container runtime the nodes have: the one of NODE_RUNTIME or, for `auto`, CRI-O if its source is available."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.go import proxy
from tasks.images import base
from tasks.settings import artifacts

if TYPE_CHECKING:
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

CRIO = "crio"
_CONTAINERD = "containerd"
_AUTO = "auto"


def chosen(current: Parameters) -> str:
    """Return the nodes' runtime, a key of images.RUNTIME_IMAGES; for `auto`, CRI-O until `choose` has run."""
    if _asks(current):
        return _CONTAINERD if _known(current) else CRIO
    return CRIO if current.node_runtime == _AUTO else current.node_runtime


def lack(current: Parameters) -> Lack:
    """Return the question that has to be answered for the choice, if any."""
    known = not _asks(current) or _known(current) is not None
    return lacks.unless(known, "NODE_RUNTIME=auto: the module proxy is asked for CRI-O")


def choose(current: Parameters) -> None:
    """Find out, if the choice depends on it, whether CRI-O's source is available, and report if it is not.

    Raises:
        Problem: The module proxy does not answer.
    """
    if _asks(current) and (refused := proxy.refusal(artifacts.CRIO, current, base.identity(current))):
        progress.line(f"NODE_RUNTIME=auto: the nodes run containerd, because CRI-O is not available: {refused}")


def _known(current: Parameters) -> str | None:
    return proxy.known(artifacts.CRIO, current, base.identity(current))


def _asks(current: Parameters) -> bool:
    return current.node_runtime == _AUTO and current.crio_from == "modules"
