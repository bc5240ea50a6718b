"""What is not as it should be: the one value that checks return and that plan, info, list and a run read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Lack:
    """What a check found; false if everything is as it should be. `+` joins two of them.

    Attributes:
        reasons: What is absent, or what changed: `name: old -> new`.
        obstacles: Why a run would stop at this point instead of doing something.
        disrupts: What a run would interrupt for the user.
        notes: What a user should know who runs it, whether or not anything lacks.
        remakes: Whether the result of a run will certainly differ from what is there, so that other tasks follow.
        is_settled: Whether nothing lacks, whatever other tasks make: the parameters ask for nothing.
        is_passing: Whether all that lacks may be there before the task starts, without its help: pods become ready.
        is_running: Whether it is about workloads that run, which other tasks may keep from being ready for a while.
    """

    reasons: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()
    disrupts: tuple[str, ...] = ()
    remakes: bool = False
    notes: tuple[str, ...] = ()
    is_settled: bool = False
    is_passing: bool = False
    is_running: bool = False

    def __bool__(self) -> bool:
        """Return whether a run has something to do, or would stop."""
        return bool(self.reasons or self.obstacles or self.remakes)

    def __add__(self, other: Lack) -> Lack:
        """Return what both lack."""
        return Lack(
            self.reasons + other.reasons,
            self.obstacles + other.obstacles,
            self.disrupts + other.disrupts,
            self.remakes or other.remakes,
            self.notes + other.notes,
            self.is_settled and other.is_settled,
            is_passing=any((self, other)) and all(one.is_passing for one in (self, other) if one),
            is_running=self.is_running or other.is_running,
        )


NOTHING = Lack()
SETTLED = Lack(is_settled=True)


def of(*reasons: str) -> Lack:
    """Return the lack with these reasons."""
    return Lack(reasons)


def absent(what: str) -> Lack:
    """Return the lack for something that is absent."""
    return of(f"{what}: not there")


def unless(good: object, *reasons: str) -> Lack:
    """Return nothing if `good` is true, else the lack with these reasons."""
    return NOTHING if good else Lack(reasons)


def remade(*reasons: str) -> Lack:
    """Return the lack of a task whose run certainly makes something different from what is there."""
    return Lack(reasons, remakes=True)


def obstacle(*reasons: str) -> Lack:
    """Return the lack of a task whose run would stop for these reasons."""
    return Lack(obstacles=reasons)


def noted(*notes: str) -> Lack:
    """Return no lack, with what a user should know."""
    return Lack(notes=notes)


def together(lacks: Iterable[Lack]) -> Lack:
    """Return the sum of several lacks."""
    return reduce(add, lacks, SETTLED)
