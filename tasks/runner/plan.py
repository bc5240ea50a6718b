"""Works out what a run would do, and why, from the tasks' own checks. Nothing is changed, and nothing is started."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tasks.engines.files import durations, last_parameters
from tasks.problems import Problem
from tasks.runner import meta
from tasks.settings import parameters as settings_parameters
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

# What a task would do: nothing; run; perhaps run; end the whole run with an explanation; not be reached after that.
CURRENT = "up to date"
RUN = "run"
UNKNOWN = "unknown"
STOP = "stop"
BLOCKED = "blocked"

_MOST_NAMES = 3


@dataclass(frozen=True)
class Step:
    """What a plan needs to know about a task.

    Attributes:
        name: Its name.
        needs: Names of the tasks that come before it.
        acts: Whether it does anything; a group only names other tasks.
        always: Whether it runs each time, because it has no check.
        examine: Runs its checks and returns what it lacks. Raises Problem if that cannot be seen.
        disrupts: What it interrupts for the user, whenever it runs.
        means: What a changed result means for the tasks that depend on it; see `runner.meta`.
        is_seen: Whether their own checks see what it changes in place.
        unsettles: Whether workloads may not be ready for a while after it.
    """

    name: str
    needs: tuple[str, ...]
    acts: bool
    always: bool
    examine: Callable[[], Lack]
    disrupts: tuple[str, ...] = ()
    means: Mapping[str, str] = field(default_factory=dict)
    is_seen: bool = False
    unsettles: bool = False


@dataclass(frozen=True)
class Planned:
    """What a run would do with a task.

    Attributes:
        name: Its name.
        state: CURRENT, RUN, UNKNOWN, STOP or BLOCKED.
        reasons: Why.
        after: Names of the tasks before it that the reasons mention.
        parameters: The parameters that changed since it was last up to date.
        remade: Whether its result will certainly differ from what is there.
        disrupts: What it would interrupt for the user.
        seconds: How long it took the last time; None if it never ran here, or would not run.
        notes: What the user should know of it.
        needs: Names of the tasks that act and come directly before it.
    """

    name: str
    state: str
    reasons: tuple[str, ...]
    after: tuple[str, ...]
    parameters: tuple[str, ...]
    remade: bool
    disrupts: tuple[str, ...]
    seconds: float | None
    notes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What is known besides the tasks.

    Attributes:
        took: Seconds that each task took the last time, by its name.
        before: Values of the parameters when each task was last up to date, by its name.
    """

    took: Mapping[str, float]
    before: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, chosen: Parameters) -> Known:
        """Return what earlier runs recorded and what the parameters say.

        Args:
            chosen: The parameters of the run.
        """
        return cls(durations.read(chosen.cache_dir), last_parameters.read(paths.LAST_PARAMETERS))


def plan(steps: Sequence[Step], known: Known) -> list[Planned]:
    """Return what a run would do with each task that acts.

    Args:
        steps: The tasks, each after those that it needs.
        known: What is known besides them.
    """
    by_name = {step.name: step for step in steps}
    found: dict[str, _Cause] = {}
    for step in steps:
        if step.acts:
            causes = [found[name] for name in _acting(step, by_name)]
            decided = _decided(step, causes, known)
            found[step.name] = _Cause.of(step, decided, causes)
    return [each.planned for each in found.values()]


def has_changes(planned: Iterable[Planned]) -> bool:
    """Return whether anything would, or might, be done."""
    return any(one.state != CURRENT for one in planned)


def _acting(step: Step, by_name: Mapping[str, Step]) -> list[str]:
    """Return the nearest tasks that act and that a task needs, directly or through groups."""
    found: dict[str, None] = {}
    for name in step.needs:
        need = by_name[name]
        found.update(dict.fromkeys([name] if need.acts else _acting(need, by_name)))
    return list(found)


@dataclass(frozen=True)
class _Cause:
    """A task that another one needs.

    Attributes:
        planned: What a run would do with it.
        step: The task.
        is_moving: Whether it, or a task somewhere before it, would or might do anything.
        unsettling: Names of those of them after which workloads may not be ready for a while.
    """

    planned: Planned
    step: Step
    is_moving: bool
    unsettling: frozenset[str]

    @classmethod
    def of(cls, step: Step, planned: Planned, causes: Sequence[_Cause]) -> _Cause:
        moves = planned.state != CURRENT
        own = {step.name} if moves and step.unsettles else set()
        return cls(planned, step, moves or _are_moving(causes), _unsettling(causes) | own)


def _are_moving(causes: Iterable[_Cause]) -> bool:
    return any(cause.is_moving for cause in causes)


def _unsettling(causes: Iterable[_Cause]) -> frozenset[str]:
    return frozenset(name for cause in causes for name in cause.unsettling)


@dataclass(frozen=True)
class _Verdict:
    """What follows for a task from its own check, or from the tasks before it."""

    state: str
    reasons: tuple[str, ...] = ()
    remade: bool = False
    follows: bool = False
    after: tuple[str, ...] = ()
    disrupts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _decided(step: Step, causes: Sequence[_Cause], known: Known) -> Planned:
    verdict = _verdict(step, causes)
    runs = verdict.state in {RUN, UNKNOWN}
    return Planned(
        name=step.name,
        state=verdict.state,
        reasons=tuple(dict.fromkeys(verdict.reasons)),
        after=verdict.after,
        parameters=() if verdict.state == CURRENT else tuple(_changed_parameters(known.before.get(step.name, {}))),
        remade=verdict.remade,
        # A task that only follows another one interrupts nothing that the other has not interrupted already.
        disrupts=(*verdict.disrupts, *(() if verdict.follows else step.disrupts)) if runs else (),
        seconds=known.took.get(step.name) if runs else None,
        notes=verdict.notes,
        needs=tuple(cause.step.name for cause in causes),
    )


def _verdict(step: Step, causes: Sequence[_Cause]) -> _Verdict:
    stopped = [cause.step.name for cause in causes if cause.planned.state in {STOP, BLOCKED}]
    if stopped:
        return _Verdict(BLOCKED, (after(stopped),), after=tuple(stopped))
    if step.always:
        return _Verdict(RUN, ("runs each time",))
    try:
        return _of_lack(step.examine(), step, causes)
    except Problem as problem:
        unseen = problem.message
    except Exception as error:  # noqa: BLE001 - what a check cannot see now, it cannot see in a run either
        unseen = f"its check ended with {type(error).__name__}: {error}"
    return _moved(step, causes, otherwise=_unseen(unseen, causes))


def _of_lack(lack: Lack, step: Step, causes: Sequence[_Cause]) -> _Verdict:
    if lack.is_settled:
        return _Verdict(CURRENT, notes=lack.notes)
    if not lack:
        return replace(_moved(step, causes, otherwise=_undisturbed(lack, causes)), notes=lack.notes)
    why = lack.obstacles + lack.reasons
    if lack.is_passing and _are_moving(causes):
        return _moved(step, causes, otherwise=_Verdict(UNKNOWN, why, notes=lack.notes))
    state = STOP if lack.obstacles else RUN
    return _Verdict(state, why, lack.remakes, disrupts=lack.disrupts, notes=lack.notes)


def _undisturbed(lack: Lack, causes: Sequence[_Cause]) -> _Verdict:
    """Return what holds for a task that lacks nothing now: its workloads may not be ready when it is its turn."""
    names = sorted(_unsettling(causes)) if lack.is_running else []
    return _Verdict(UNKNOWN, (after(names),), after=tuple(names)) if names else _Verdict(CURRENT)


def _unseen(why: str, causes: Sequence[_Cause]) -> _Verdict:
    """Return what follows from a check that cannot be made: a run, unless a task before it may change that."""
    return _Verdict(UNKNOWN if _are_moving(causes) else RUN, (why,))


def _moved(step: Step, causes: Sequence[_Cause], *, otherwise: _Verdict) -> _Verdict:
    """Return what the tasks before a task mean for it.

    Args:
        step: A task that is up to date by its own check, or whose check cannot be made.
        causes: The tasks before it.
        otherwise: The verdict if nothing certain follows from them.
    """
    outcomes = {cause.step.name: _outcome(cause, step) for cause in causes if cause.planned.state != CURRENT}
    followed = {name: outcome for name, outcome in outcomes.items() if outcome != meta.NOTHING}
    words = after(list(followed))
    if meta.RUN in followed.values():
        return _Verdict(RUN, (words,), remade=True, follows=True, after=tuple(followed))
    if followed and otherwise.state == CURRENT:
        return _Verdict(UNKNOWN, (words,), after=tuple(followed))
    return otherwise


def _outcome(cause: _Cause, step: Step) -> str:
    """Return what a cause means for a task; empty (not known) if the result of the cause may stay the same."""
    outcome = _first_fitting(cause.step.means, step.name)
    if cause.planned.remade or outcome == meta.NOTHING:
        return outcome
    return meta.NOTHING if cause.step.is_seen else ""


def _first_fitting(means: Mapping[str, str], name: str) -> str:
    named = {name, name.partition(":")[0], meta.EVERY}
    return next((outcome for key, outcome in means.items() if key in named), "")


def after(names: Sequence[str]) -> str:
    """Return the reason that consists of the tasks before a task."""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"after {', '.join(names[:_MOST_NAMES])}{more}"


def _changed_parameters(before: Mapping[str, str]) -> list[str]:
    """Return the parameters that changed since a task was last up to date: old and new value, and its origin."""
    values = settings_parameters.values()
    return [
        f"{name}: {before[name] or 'empty'} -> {value or 'empty'} ({settings_parameters.origin(name)})"
        for name, value in values.items()
        if name in before and before[name] != value
    ]
