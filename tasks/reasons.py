"""Why something is not up to date: checks say it here in passing, and `plan` is who listens.

A check still returns a bool. Where nobody listens, what it says costs a look at one variable.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Said:
    """What a check said.

    Attributes:
        reasons: What is absent, or what changed: `name: old -> new`.
        remakes: Whether what a run makes will certainly differ from what is there, so that others follow.
        obstacles: Why a run would stop there instead of doing something.
        disrupted: What of the user's a run would interrupt.
    """

    reasons: list[str] = field(default_factory=list)
    obstacles: list[str] = field(default_factory=list)
    disrupted: list[str] = field(default_factory=list)
    remakes: bool = False


_listening: ContextVar[Said | None] = ContextVar("_listening", default=None)


@contextmanager
def heard() -> Iterator[Said]:
    """Listen to what checks say within the block."""
    said = Said()
    token = _listening.set(said)
    try:
        yield said
    finally:
        _listening.reset(token)


def note(reason: str) -> None:
    """Say what is absent or changed."""
    said = _listening.get()
    if said is not None:
        said.reasons.append(reason)


def remakes(reason: str) -> None:
    """Say what is absent or changed where the run makes something that is certainly another one."""
    note(reason)
    said = _listening.get()
    if said is not None:
        said.remakes = True


def absent(what: str) -> bool:
    """Say that something is not there; return False, as the check does."""
    note(f"{what}: not there")
    return False


def unless(good: bool, reason: str) -> bool:
    """Return `good`, and say the reason where it is not."""
    if not good:
        note(reason)
    return good


def obstacle(reason: str) -> None:
    """Say why a run would stop there."""
    said = _listening.get()
    if said is not None:
        said.obstacles.append(reason)


def disrupts(what: str) -> None:
    """Say what of the user's a run would interrupt."""
    said = _listening.get()
    if said is not None:
        said.disrupted.append(what)
