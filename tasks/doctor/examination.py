"""Checks the machine before anything is touched: what a task needs, what is there, and the cure for each failure."""

from __future__ import annotations

import importlib
import json
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tasks import progress
from tasks.doctor import first_steps
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import nics, parameters, spellings
from tasks.settings.checks import (
    ABSENT_ON_OTHERS,
    BASE,
    CHECKS,
    CONTROLLER,
    FAILED,
    FPGA,
    OK,
    PATTERNS,
    PURPOSES,
    REGISTRY,
    TASK_PURPOSES,
    UNKNOWN,
)
from tasks.target import choice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tasks.doctor.finding import Finding, Look
    from tasks.doctor.server import Server
    from tasks.lack import Lack
    from tasks.settings.checks import Check
    from tasks.settings.parameters.model import Parameters

# Imported before the threads start: two threads that import one package at the same time may see it half initialized.
_LIBRARIES = ("docker", "requests")
# Only the checks of a registry look at certificates.
_OF_CERTIFICATES = "cryptography.x509"
_MARKS = {OK: "ok", FAILED: "FAILED", UNKNOWN: "unknown"}
_IGNORED = "ignored"
# The tasks that there are for each pattern, and for which it needs the same.
_GROUPS = ("dataflow", "scenario")
_ANOTHER_MACHINE = (
    "This machine has no SR-IOV card, no GPU, no controller archive and no harbor. PROFILE=lab needs none of them:"
    " PROFILE=lab ./doit dataflow:{first}"
)


@dataclass(frozen=True)
class Result:
    """A check and its result.

    Attributes:
        name: Name of the check.
        title: What was looked at.
        state: `ok`, `FAILED`, `unknown`, or `ignored` for a failed check that IGNORE_CHECKS names.
        found: What is there.
        needed: What has to be there.
        cure: What to do; empty unless it failed.
        purposes: The purposes that need the check.
    """

    name: str
    title: str
    state: str
    found: str
    needed: str
    cure: str
    purposes: tuple[str, ...]

    @property
    def is_obstacle(self) -> bool:
        """Whether it keeps a task from working."""
        return self.state == _MARKS[FAILED]


def report(*, target: str = "", as_json: bool = False) -> None:
    """Show what was found for a task, a pattern or a purpose.

    Args:
        target: A task, a pattern or a purpose; empty means `create_cluster_with_all`.
        as_json: Show a JSON list of objects instead of the table.

    Raises:
        Problem: A check failed, or there is no such target.
    """
    asked = target or "create_cluster_with_all"
    of_this_machine(parameters.current(), asked).report(asked, as_json=as_json)


def require(target: str) -> None:
    """Stop before anything is touched if the machine lacks what a task needs.

    Args:
        target: A task, a pattern or a purpose.

    Raises:
        Problem: Checks failed; one line for each, with its cure.
    """
    of_this_machine(parameters.current(), target).require(target)


def lack(target: str) -> Lack:
    """Return what a target still lacks, and what stands in its way.

    Args:
        target: One of FIRST_STEPS.
    """
    return first_steps.lack_of(target, parameters.current())


def of_this_machine(chosen: Parameters, target: str = "") -> Examination:
    """Return the examination of this machine.

    Args:
        chosen: The parameters of the run.
        target: What it is for; lending one card looks at no other, and a pattern at the files of no other.
    """
    from tasks.doctor import files, looks, server

    workers = tuple(worker for worker in nics.WORKERS if worker.target == target) or nics.WORKERS
    pattern = known.table().by_name.get(_name(_task(target)))
    looked = {**looks.LOOKS, PATTERNS: files.look_at(pattern)} if pattern else looks.LOOKS
    return Examination(chosen, looked, server.Server(workers=workers))


@dataclass(frozen=True)
class Examination:
    """The examination of one machine.

    Attributes:
        chosen: The parameters of the run.
        looks: The look of each check, by the check's name.
        server: The machine.
    """

    chosen: Parameters
    looks: Mapping[str, Look]
    server: Server

    def report(self, target: str, *, as_json: bool = False) -> None:
        """Show what was found for a target.

        Args:
            target: A task, a pattern or a purpose.
            as_json: Show a JSON list of objects instead of the table.

        Raises:
            Problem: A check failed, or there is no such target.
        """
        results = self.examine(purposes_of(target, self.chosen))
        progress.line(json.dumps([asdict(result) for result in results], indent=2) if as_json else _table(results))
        obstacles = [result.name for result in results if result.is_obstacle]
        if obstacles:
            raise Problem(
                f"{len(obstacles)} of {len(results)} checks failed: {', '.join(obstacles)}",
                details=self._another_machine(results),
                hint=f"the cures above; or, at your own risk, IGNORE_CHECKS={','.join(obstacles)}",
            )

    def require(self, target: str) -> None:
        """Stop if the machine lacks what a target needs.

        Args:
            target: A task, a pattern or a purpose.

        Raises:
            Problem: Checks failed; one line for each, with its cure.
        """
        results = self.examine(purposes_of(target, self.chosen))
        obstacles = [result for result in results if result.is_obstacle]
        if obstacles:
            lines = [
                f"{one.name}: {one.title}: {one.found}; needed: {one.needed}. Cure: {one.cure}" for one in obstacles
            ]
            details = self._another_machine(results)
            raise Problem("\n".join(lines), hint=f"./doit doctor --for {target}", details=details)

    def examine(self, purposes: Sequence[str]) -> list[Result]:
        """Run all checks that the purposes need, in parallel.

        Args:
            purposes: What the machine is to be used for; what the cluster does not need of this machine is left out.

        Returns:
            One result per check, in the order of CHECKS.
        """
        there = choice.of(self.chosen).purposes
        wanted = {purpose for purpose in purposes if purpose in there}
        return self._looked_at([check for check in CHECKS if wanted.intersection(check.purposes)])

    def _looked_at(self, wanted: Sequence[Check]) -> list[Result]:
        _load_libraries(wanted)
        findings = _side_by_side(wanted, lambda check: self.looks[check.name](self.server, self.chosen))
        return [_result(check, finding, self.chosen) for check, finding in zip(wanted, findings, strict=True)]

    def _another_machine(self, results: Sequence[Result]) -> str:
        """Return a line about the lab if the machine has nothing of the manual's server, else an empty string.

        Args:
            results: The results so far.
        """
        looked = {result.name for result in results}
        unseen = [check for check in CHECKS if check.name in ABSENT_ON_OTHERS and check.name not in looked]
        states = {result.name: result.state for result in (*results, *self._looked_at(unseen))}
        lacks_all = all(states[name] in map(_MARKS.get, absent) for name, absent in ABSENT_ON_OTHERS.items())
        return _ANOTHER_MACHINE.format(first=known.patterns()[0].name) if lacks_all else ""


def _load_libraries(wanted: Sequence[Check]) -> None:
    for library in _LIBRARIES:
        importlib.import_module(library)
    if any(REGISTRY in check.purposes for check in wanted):
        importlib.import_module(_OF_CERTIFICATES)


def purposes_of(target: str, chosen: Parameters) -> tuple[str, ...]:
    """Return what a task, a pattern or a purpose requires of the machine.

    Args:
        target: Its name.
        chosen: The parameters of the run.

    Raises:
        Problem: There is no task, pattern or purpose of that name.
    """
    task = _task(target)
    name = _name(task)
    if name in PURPOSES:
        return (name,)
    if task in TASK_PURPOSES:
        purposes = TASK_PURPOSES[task]
        return (*purposes, *_of_the_controllers_hardware(chosen)) if CONTROLLER in purposes else purposes
    if name in known.table().by_name:
        return (*BASE, *_of_the_controllers_hardware(chosen), *known.named(name).needs, PATTERNS)
    if name in [wrong.name for wrong in known.unusable()]:
        known.named(name)  # raises what is wrong with it
    known_words = ", ".join(_words())
    raise Problem(f"{target!r} is no task, pattern or purpose that doctor knows", hint=f"one of {known_words}")


def _words() -> list[str]:
    return [*TASK_PURPOSES, *PURPOSES, *known.table().by_name]


def _task(target: str) -> str:
    """Return the task, pattern or purpose that a user means; what is none stays as it is."""
    patterns = [*known.table().by_name, *(wrong.name for wrong in known.unusable())]
    in_full = [f"{group}:{pattern}" for group in _GROUPS for pattern in patterns]
    return (*spellings.tasks(target, [*_words(), *patterns, *in_full]), target)[0]


def _name(task: str) -> str:
    """Return the pattern of a task, or the task."""
    group, _, name = task.partition(":")
    return name if group in _GROUPS else task


def _of_the_controllers_hardware(chosen: Parameters) -> tuple[str, ...]:
    """Return what CONTROLLER_HARDWARE requires of the machine; only the FPGA parts need their hardware to run."""
    return tuple(word for word in chosen.controller_hardware if word == FPGA)


def _side_by_side(wanted: Sequence[Check], look: Callable[[Check], Finding]) -> list[Finding]:
    """Return one finding per check; a check that takes too long is unknown, and its thread is abandoned."""
    findings: dict[str, Finding | Exception] = {}

    def keep(check: Check) -> None:
        try:
            findings[check.name] = look(check)
        except Exception as error:  # noqa: BLE001 - raised again below, on the thread that asked
            findings[check.name] = error

    threads = [threading.Thread(target=keep, args=(check,), daemon=True) for check in wanted]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for check, thread in zip(wanted, threads, strict=True):
        thread.join(max(0.0, begin + check.seconds - time.monotonic()))
    return [_kept(findings.get(check.name) or _late(check)) for check in wanted]


def _late(check: Check) -> Problem:
    return Problem(f"no answer within {check.seconds} s")


def _kept(finding: Finding | Exception) -> Finding:
    from tasks.doctor.finding import Finding

    if isinstance(finding, Finding):
        return finding
    if isinstance(finding, Problem):
        return Finding(UNKNOWN, finding.message, "an answer")
    # From files, the kernel and the engine: something that this user may not see, or that vanishes during the look.
    if isinstance(finding, OSError):
        return Finding(UNKNOWN, str(finding).partition("\n")[0], "an answer")
    raise finding


def _result(check: Check, finding: Finding, chosen: Parameters) -> Result:
    failed = finding.state == FAILED
    ignored = failed and check.name in chosen.ignore_checks
    return Result(
        name=check.name,
        title=check.title,
        state=_IGNORED if ignored else _MARKS[finding.state],
        found=finding.found,
        needed=finding.needed,
        cure=(finding.cure or check.cure) if failed else "",
        purposes=check.purposes,
    )


def _table(results: Iterable[Result]) -> str:
    rows = [(result.state, result.name, f"{result.found}; needed: {result.needed}", result.cure) for result in results]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    lines = []
    column = " " * (sum(widths) + 4)
    for state, name, text, cure in rows:
        text_in_column = text.replace("\n", f"\n{column}")
        lines.append(f"{state.ljust(widths[0])}  {name.ljust(widths[1])}  {text_in_column}")
        lines += [f"{column}cure: {cure}"] if cure else []
    return "\n".join(lines)
