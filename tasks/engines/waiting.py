"""Waiting is a deadline on a named condition, with progress and, when time runs out, the cause."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from tasks import progress
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 1.0


def until(  # noqa: PLR0913 - all but the first three are keywords with defaults
    condition: str,
    observe: Callable[[], T],
    met: Callable[[T], bool],
    *,
    deadline: float,
    describe: Callable[[T], str] | None = None,
    explain: Callable[[], str] | None = None,
    hint: str = "",
) -> T:
    """Observe the world until a condition is met.

    Args:
        condition: What is waited for, naming the object: "DataFlow df-calcapp: Deployed".
        observe: Looks at the world once. What it raises ends the wait.
        met: Tells whether an observation meets the condition. A Problem it raises (a final failure) ends the wait.
        deadline: Seconds until the wait is given up; the world is observed at least once.
        describe: One short text about an observation, shown as progress and in the error.
        explain: Gathers evidence (events, log lines) once time has run out.
        hint: The next command to try when time has run out.

    Returns:
        The observation that met the condition.

    Raises:
        Problem: Time ran out; it names the condition, the last state seen, and carries the evidence.
    """
    end = time.monotonic() + deadline
    pause = _FIRST_PAUSE
    while True:
        seen = observe()
        if met(seen):
            return seen
        state = describe(seen) if describe else ""
        remaining = end - time.monotonic()
        if remaining <= 0:
            raise Problem(_message(condition, deadline, state), hint=hint, details=explain() if explain else "")
        progress.step(f"{condition} ({state})" if state else condition)
        time.sleep(min(pause, remaining))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _message(condition: str, deadline: float, state: str) -> str:
    last = f"; last seen: {state}" if state else ""
    return f"{condition}: not so within {deadline:.0f} s{last}"
