"""Which container runtime the nodes have: what NODE_RUNTIME says, or CRI-O where its source can be had."""

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
    """Return the nodes' runtime, a key of images.RUNTIME_IMAGES. Nobody is asked: CRI-O where `choose` has not run."""
    if _asks(current):
        return _CONTAINERD if _known(current) else CRIO
    return CRIO if current.node_runtime == _AUTO else current.node_runtime


def lack(current: Parameters) -> Lack:
    """Return the question that the choice needs, if any."""
    known = not _asks(current) or _known(current) is not None
    return lacks.unless(known, "NODE_RUNTIME=auto: the module proxy is asked for CRI-O")


def choose(current: Parameters) -> None:
    """Find out whether CRI-O's source can be had where that is the question, and say so where it cannot.

    Raises:
        Problem: The module proxy does not answer.
    """
    if _asks(current) and (refused := proxy.refusal(artifacts.CRIO, current, base.identity(current))):
        progress.line(f"NODE_RUNTIME=auto: the nodes run containerd, for CRI-O cannot be had: {refused}")


def _known(current: Parameters) -> str | None:
    return proxy.known(artifacts.CRIO, current, base.identity(current))


def _asks(current: Parameters) -> bool:
    return current.node_runtime == _AUTO and current.crio_from == "modules"
