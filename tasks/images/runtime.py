"""Which container runtime the nodes have: what NODE_RUNTIME says, or CRI-O where its source can be had."""

from __future__ import annotations

from tasks import progress, reasons
from tasks.engines.go import proxy
from tasks.settings import artifacts, parameters

CRIO = "crio"
_CONTAINERD = "containerd"
_AUTO = "auto"


def chosen() -> str:
    """Return the nodes' runtime, a key of images.RUNTIME_IMAGES. Nobody is asked: CRI-O where `choose` has not run."""
    if _asks():
        return _CONTAINERD if proxy.known(artifacts.CRIO, parameters.current()) else CRIO
    wanted = parameters.current().node_runtime
    return CRIO if wanted == _AUTO else wanted


def is_chosen() -> bool:
    """Return whether the choice needs no question."""
    known = not _asks() or proxy.known(artifacts.CRIO, parameters.current()) is not None
    return reasons.unless(known, "NODE_RUNTIME=auto: the module proxy is asked for CRI-O")


def choose() -> None:
    """Find out whether CRI-O's source can be had where that is the question, and say so where it cannot.

    Raises:
        Problem: The module proxy does not answer.
    """
    if _asks() and (refused := proxy.refusal(artifacts.CRIO, parameters.current())):
        progress.line(f"NODE_RUNTIME=auto: the nodes run containerd, for CRI-O cannot be had: {refused}")


def _asks() -> bool:
    current = parameters.current()
    return current.node_runtime == _AUTO and current.crio_from == "modules"
