"""Verifies a dataflow with commands in the containers of its functions, which have to end as expected."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from tasks.dataflows import by_hand, containers
from tasks.dataflows.findings import in_a_line, last_lines
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.dataflows.findings import Findings
    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object
    from tasks.engines.kube.pod_exec import Ending
    from tasks.patterns.checks import Command


def verify(flow: Flow, pods: Mapping[str, Object], findings: Findings) -> None:
    """Run each command, and compare its exit code and what it prints with what is expected.

    Args:
        flow: A deployed dataflow.
        pods: The pods of its functions, by key.
        findings: Keeps what is found.

    Raises:
        Problem: A command cannot be started, does not end in time, or ends otherwise; the message names the function,
            and the details are what it printed.
    """
    for asked in flow.pattern.verification.commands:
        _verify_one(flow, pods[asked.function], asked, findings)


def _verify_one(flow: Flow, pod: Object, asked: Command, findings: Findings) -> None:
    key, hint = asked.function, by_hand.command(flow, pod, asked.run)
    try:
        ending = flow.cluster.ending(containers.app(pod), asked.run, timeout=asked.seconds)
    except Problem as problem:
        findings.keep("command", {**_expected(asked), "ok": False, "said": problem.message, "printed": problem.details})
        evidence = last_lines(key, problem.details)
        raise Problem(f"{flow.name}: {key}: {problem.message}", hint=hint, details=evidence) from problem
    wrong = complaint(asked, ending)
    found = {**_expected(asked), "ok": not wrong, "exit": ending.code, "printed": ending.output}
    kept = findings.keep("command", found)
    ran = f"{flow.name}: {key}: {shlex.join(asked.run)!r}"
    if wrong:
        raise Problem(f"{ran} {wrong}", hint=hint, details=last_lines(key, ending.output))
    findings.say(f"{ran} ended with exit code {ending.code}{_printed(asked, ending)}", kept)


def complaint(asked: Command, ending: Ending) -> str:
    """Return what is wrong with how a command ended, or an empty string.

    Args:
        asked: The command, and what is expected.
        ending: How it ended.
    """
    if ending.code != asked.exit:
        return f"ended with exit code {ending.code}, expected {asked.exit}"
    if not re.search(asked.output, ending.output):
        return f"ended with exit code {ending.code}, but printed nothing like {asked.output!r}"
    return ""


def _printed(asked: Command, ending: Ending) -> str:
    """Return what it printed as expected, as a phrase; empty if any output will do."""
    found = re.search(asked.output, ending.output) if asked.output else None
    if found is None:
        return ""
    before, after = ending.output[: found.start()].rpartition("\n")[2], ending.output[found.end() :].partition("\n")[0]
    return f" and printed {in_a_line(f'{before}{found[0]}{after}')!r}"


def _expected(asked: Command) -> dict[str, object]:
    return {
        "function": asked.function,
        "run": asked.run,
        "expected": {"exit": asked.exit, "output": asked.output},
        "seconds": asked.seconds,
    }
