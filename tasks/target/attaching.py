"""Whether this checkout is attached to the existing cluster that the parameters name."""

from __future__ import annotations

from tasks import lack as lacks
from tasks.engines.kube import attachment
from tasks.problems import Problem
from tasks.settings import parameters


def lack() -> lacks.Lack:
    """Return what keeps this checkout from using the cluster."""
    chosen = parameters.current()
    attached = attachment.load(chosen.cluster_name)
    if attached is None:
        return lacks.of(f"{chosen.target_context}: not attached")
    return lacks.obstacle(*_others(attached, chosen.target_context, chosen.target_uid))


def require() -> None:
    """Stop if this checkout is not attached to the cluster, or to another one.

    Raises:
        Problem: It is not.
    """
    if found := lack():
        raise Problem("; ".join([*found.reasons, *found.obstacles]), hint="./doit doctor --for attach")


def _others(attached: attachment.Attachment, context: str, uid: str) -> list[str]:
    """Return what the record names other than the parameters do, one line each."""
    named = (("TARGET_CONTEXT", attached.context, context), ("TARGET_UID", attached.uid, uid))
    return [f"{name}: {given}, but attached is {kept}" for name, kept, given in named if kept != given]
