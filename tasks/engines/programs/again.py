"""Retries: what fails temporarily is tried again within a deadline, after growing random pauses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tasks import progress
from tasks.engines.programs import waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

T = TypeVar("T")

_LONGEST_PAUSE = 5.0


@dataclass(frozen=True)
class Patience:
    """How long to retry.

    Attributes:
        longest: Seconds to go on retrying; inside a wait, no longer than that wait.
        first_pause: Longest first pause, in seconds.
    """

    longest: float
    first_pause: float = 0.2


def retry(ask: Callable[[], T], *, passes: Callable[[BaseException], bool], patience: Patience) -> T:
    """Return an answer, and retry while asking for it fails temporarily.

    Args:
        ask: Asks once.
        passes: Returns whether a failure may be temporary.
        patience: How long to retry.

    Raises:
        Exception: The last failure.
    """
    try:
        return ask()
    except waiting.Passing as failure:
        if not passes(failure):
            raise
        return _asked_again(ask, failure, passes, patience)


def _asked_again(
    ask: Callable[[], T], failure: waiting.Passing, passes: Callable[[BaseException], bool], patience: Patience
) -> T:
    import tenacity  # only after a failure: importing it would cost every run 30 ms

    failures = [failure]

    def ask_again() -> T:
        if failures:
            raise failures.pop()
        return ask()

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(passes),
        wait=partial(_pause, patience.first_pause),
        stop=tenacity.stop_before_delay(waiting.patience(patience.longest)),
        before_sleep=_say,
        reraise=True,
    )(ask_again)


def _pause(first: float, state: RetryCallState) -> float:
    """Return a growing random pause, at least as long as the other side asks for."""
    import tenacity

    grown = tenacity.wait_random_exponential(multiplier=first, max=_LONGEST_PAUSE)(state)
    return max(grown, getattr(_failure(state), "after", 0.0))


def _say(state: RetryCallState) -> None:
    progress.step(f"try {state.attempt_number + 1}: {_failure(state)}")


def _failure(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None
