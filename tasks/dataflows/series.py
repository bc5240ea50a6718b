"""Verifies one pattern after another: what stands in the way, what is taken away, and the table of results."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from tasks import layout, progress
from tasks.patterns import known
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tasks.patterns.model import Pattern

VERIFIED = "verified"
FAILED = "failed"
NOT_RUN = "not run"
CANNOT_RUN = "cannot run"
NOT_REACHED = "not reached"
# Columns of a reason in the table; it was shown in full before.
_REASON = 60


@dataclass(frozen=True)
class Standing:
    """The DataFlow of a pattern that is in the cluster before the run.

    Attributes:
        name: Name of the pattern as which it is deployed.
        is_users: Whether it is the user's, who wants it to stay.
    """

    name: str
    is_users: bool


class World(Protocol):
    """What the patterns are deployed in; each function gets the name of a pattern."""

    def make_way(self, name: str) -> bool:
        """Delete what cannot be kept as the pattern's DataFlow; return whether one is there that can."""

    def shortages(self, name: str) -> Sequence[str]:
        """Return what the pattern would have too little of, one phrase each."""

    def frees(self, other: str, name: str) -> bool:
        """Return whether the pattern gets what it has too little of, or some of it, if the other is taken away."""

    def take_away(self, name: str) -> None:
        """Delete the pattern's DataFlow."""

    def settled(self, name: str) -> Sequence[str]:
        """Return the shortages that remain when what was taken away is counted."""

    def deploy(self, name: str, *, for_user: bool) -> None:
        """Deploy the pattern; for the user, or for as long as this and the next run have room."""

    def verify(self, name: str) -> None:
        """Verify the pattern."""


@dataclass(frozen=True)
class Outcome:
    """What came of a pattern.

    Attributes:
        name: Name of the pattern.
        result: VERIFIED, FAILED, NOT_RUN for want of room, CANNOT_RUN for what is lacking here, or NOT_REACHED.
        reason: Why; empty if it was verified.
        seconds: How long it took; None if it was not tried.
    """

    name: str
    result: str
    reason: str = ""
    seconds: float | None = None


def ordered(names: Sequence[str], standing: Sequence[Standing]) -> list[str]:
    """Return the order of a run: a pattern and its twin, which have the same DataFlow, one after the other.

    Of the two, the one that the user has deployed comes last, so that it is there again afterwards. One that an earlier
    run has left comes first, so that it need not be deployed again.

    Args:
        names: Names of the patterns to verify.
        standing: The DataFlows that are there.
    """
    rank = {each.name: 1 if each.is_users else -1 for each in standing}
    places = {known.named(name).dataflow: place for place, name in reversed([*enumerate(names)])}
    return sorted(names, key=lambda name: (places[known.named(name).dataflow], rank.get(name, 0)))


class Series:
    """A run over several patterns.

    Attributes:
        owed: The patterns as which the user had deployed dataflows that are not there again yet, by DataFlow.
    """

    def __init__(self, world: World, names: Sequence[str], standing: Sequence[Standing]) -> None:
        """Prepare a run.

        Args:
            world: Where it takes place.
            names: Names of the patterns to verify.
            standing: The DataFlows of patterns that are there, the oldest first.
        """
        self._world = world
        self._names = ordered(names, standing)
        self._of_user = {known.named(each.name).dataflow: each.name for each in standing if each.is_users}
        self.owed: dict[str, str] = {}
        # What may be taken away: the pattern by its DataFlow, the oldest first.
        self._own = {known.named(each.name).dataflow: each.name for each in standing if not each.is_users}

    def outcomes(self) -> Iterator[Outcome]:
        """Verify each pattern, and yield what came of it; a failure does not end the run."""
        for number, name in enumerate(self._names, 1):
            progress.line(f"\n{name} ({number} of {len(self._names)}): {known.named(name).summary}")
            start = time.monotonic()
            outcome = self._outcome(name)
            yield replace(outcome, seconds=time.monotonic() - start)

    def _outcome(self, name: str) -> Outcome:
        dataflow = known.named(name).dataflow
        if self._of_user.get(dataflow, name) != name:
            self.owed[dataflow] = self._of_user[dataflow]
        try:
            reason = "" if self._world.make_way(name) else self._make_room(name)
            if reason:
                progress.line(f"{name}: not run: {reason}")
                return Outcome(name, NOT_RUN, reason)
            self._deploy(name)
            self._world.verify(name)
        except Problem as problem:
            progress.line(f"{name}: failed: {problem}")
            return Outcome(name, FAILED, problem.message)
        return Outcome(name, VERIFIED)

    def _make_room(self, name: str) -> str:
        """Take away what this run or an earlier one has deployed until a pattern has room; return what it still lacks.

        The oldest is taken away first.
        """
        short = self._world.shortages(name)
        taken = [other for other in self._own.values() if known.named(other).dataflow != known.named(name).dataflow]
        for other in taken:
            if short and self._world.frees(other, name):
                progress.line(f"{short[0]}: taking away {known.named(other).dataflow}")
                self._world.take_away(other)
                del self._own[known.named(other).dataflow]
                short = self._world.shortages(name)
        short = self._world.settled(name) if short else ()
        return "; ".join([*short, *(self._holders(name) if short else ())])

    def _holders(self, name: str) -> Iterator[str]:
        """Yield a phrase for each of the user's dataflows that has what a pattern would need."""
        for dataflow, other in self._of_user.items():
            if dataflow != known.named(name).dataflow and self._world.frees(other, name):
                yield f"{dataflow} was deployed before (./doit delete_dataflow:{other})"

    def _deploy(self, name: str) -> None:
        dataflow = known.named(name).dataflow
        is_users = dataflow in self._of_user
        if not is_users:
            # Also if it fails: what there is of it may be taken away.
            self._own[dataflow] = name
        self._world.deploy(name, for_user=is_users)
        if self._of_user.get(dataflow) == name:
            self.owed.pop(dataflow, None)


def table(outcomes: Sequence[Outcome], stood_in: Callable[[Pattern], Sequence[str]]) -> str:
    """Return results as a table, in the order of the patterns.

    Args:
        outcomes: What came of each pattern.
        stood_in: Returns what is stood in for when a pattern is verified, one word each.
    """
    head = ("pattern", "network", "stood in for", "result", "seconds", "reason")
    by_name = {outcome.name: outcome for outcome in outcomes}
    patterns = known.table().by_name
    names = [*(name for name in patterns if name in by_name), *(name for name in by_name if name not in patterns)]
    rows = [_row(by_name[name], patterns.get(name), stood_in) for name in names]
    width = len(head) if any(row[-1] for row in rows) else len(head) - 1
    return progress.table([row[:width] for row in (head, *rows)])


def _row(outcome: Outcome, pattern: Pattern | None, stood_in: Callable[[Pattern], Sequence[str]]) -> tuple[str, ...]:
    seconds = "" if outcome.seconds is None else f"{outcome.seconds:.1f}"
    reason = layout.cut(outcome.reason.partition("\n")[0], _REASON)
    on = (pattern.network, ", ".join(stood_in(pattern))) if pattern else ("", "")
    return outcome.name, on[0] or "-", on[1] or "-", outcome.result, seconds, reason
