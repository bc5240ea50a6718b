"""Waiting for a named condition until a deadline, with progress and, when time runs out, the cause."""

from __future__ import annotations

import math
import time
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from tasks import progress
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0
# When the current wait ends, on the clock of `time.monotonic`.
_end: ContextVar[float] = ContextVar("_end", default=math.inf)


class Passing(Problem):
    """A failure that may be temporary: a wait goes on.

    Attributes:
        after: Seconds for which the other side asks not to be contacted.
    """

    after = 0.0


def patience(longest: float) -> float:
    """Return for how many seconds an observation may retry: not beyond the end of the wait it is part of.

    Args:
        longest: The limit in seconds, which applies alone outside a wait.
    """
    return max(0.0, min(longest, _end.get() - time.monotonic()))


@dataclass(frozen=True)
class Condition(Generic[T]):
    """A condition to wait for.

    Attributes:
        name: The condition, with the name of the object: "DataFlow df-calcapp: Deployed".
        observe: Makes one observation. Any exception except Passing ends the wait.
        is_met: Returns whether an observation meets the condition. A Problem (a final failure) ends the wait.
        describe: Describes an observation briefly, for progress and the error.
        stands_still: Returns whether something outside is under way that the deadline is not meant for.
        standstill: Seconds for which the deadline may stand still in all.
        otherwise: What is so if time runs out; empty for "<name>: not so".
    """

    name: str
    observe: Callable[[], T]
    is_met: Callable[[T], bool]
    describe: Callable[[T], str] = lambda _: ""
    stands_still: Callable[[T], bool] = lambda _: False
    standstill: float = 0.0
    otherwise: str = ""

    def wait(self, deadline: float, *, explain: Callable[[], str] | None = None, hint: str = "") -> T:
        """Observe until the condition is met.

        Args:
            deadline: Seconds until the wait is given up; there is at least one observation.
            explain: Gathers evidence (events, log lines) if time runs out.
            hint: The next command to try if time runs out.

        Returns:
            The observation that met the condition.

        Raises:
            Problem: Time ran out; it names the condition and the last state seen, and holds the evidence.
        """
        token = _end.set(time.monotonic() + deadline)
        try:
            return self._observe_until_met()
        except _LateError as late:
            message = _message(self.otherwise or f"{self.name}: not so", deadline, late.state)
            raise Problem(message, hint=hint, details=_evidence(explain)) from late.__cause__
        finally:
            _end.reset(token)

    def _observe_until_met(self) -> T:
        pause, looked, left = _FIRST_PAUSE, time.monotonic(), self.standstill
        while True:
            asked_for, failure, stands_still = 0.0, None, False
            try:
                seen = self.observe()
                if self.is_met(seen):
                    return seen
                state, stands_still = self.describe(seen), self.stands_still(seen)
            except Passing as problem:
                state, asked_for, failure = problem.message, problem.after, problem
            now = time.monotonic()
            if stands_still:
                moved = min(now - looked, left)
                left -= moved
                _end.set(_end.get() + moved)
            looked = now
            remaining = _end.get() - now
            if remaining <= 0:
                raise _LateError(state) from failure
            progress.step(f"{self.name} ({state})" if state else self.name)
            time.sleep(min(max(pause, asked_for), remaining))
            pause = min(pause * 1.5, _LONGEST_PAUSE)


def until(condition: str, observe: Callable[[], T], is_met: Callable[[T], bool], *, deadline: float) -> T:
    """Wait for a condition that needs no description or evidence, as `Condition.wait` does.

    Args:
        condition: The condition, with the name of the object.
        observe: Makes one observation.
        is_met: Returns whether an observation meets the condition.
        deadline: Seconds until the wait is given up.

    Returns:
        The observation that met the condition.

    Raises:
        Problem: Time ran out.
    """
    return Condition(condition, observe, is_met).wait(deadline)


class _LateError(Exception):
    """Time ran out in this state."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


def _evidence(explain: Callable[[], str] | None) -> str:
    """Gather the evidence; a failure to do so must not hide the real one."""
    try:
        return explain() if explain else ""
    except Problem as problem:
        return f"no evidence: {problem.message}"


def _message(otherwise: str, deadline: float, state: str) -> str:
    last = f"; last seen: {state}" if state else ""
    return f"{otherwise} within {deadline:.0f} s{last}"
