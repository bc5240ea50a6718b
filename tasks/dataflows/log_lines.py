"""Verifies a dataflow with lines that its functions have to log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tasks.dataflows import by_hand, containers
from tasks.dataflows.findings import in_a_line, last_lines
from tasks.engines.programs import waiting
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.dataflows.findings import Findings
    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.checks import LogLine


def verify(flow: Flow, pods: Mapping[str, Object], findings: Findings) -> None:
    """Look for each line in all that its function has logged since it started, and wait for it if it is not there.

    Args:
        flow: A deployed dataflow.
        pods: The pods of its functions, by key.
        findings: Keeps what is found.

    Raises:
        Problem: A line has not come in time; the message names the function, and the details are its last lines.
    """
    for asked in flow.pattern.verification.log:
        _verify_one(flow, pods[asked.function], asked, findings)


def _verify_one(flow: Flow, pod: Object, asked: LogLine, findings: Findings) -> None:
    key, log = asked.function, _Log(flow, pod)
    try:
        line = waiting.Condition(
            f"{flow.name}: {key}: a log line like {asked.line!r}",
            lambda: log.line_like(asked.line),
            lambda seen: seen is not None,
            otherwise=f"{flow.name}: {key}: logged no line like {asked.line!r}",
        ).wait(asked.seconds, explain=lambda: last_lines(key, log.text()), hint=by_hand.log(flow, pod))
    except Problem:
        findings.keep("log", {**vars(asked), "ok": False})
        raise
    kept = findings.keep("log", {**vars(asked), "ok": True, "found": line})
    findings.say(f"{flow.name}: {key} logged {in_a_line(line or '')!r}", kept)


class _Log:
    """What a function has logged since its container started."""

    def __init__(self, flow: Flow, pod: Object) -> None:
        self._cluster, self._where = flow.cluster, containers.app(pod)

    def text(self) -> str:
        return self._cluster.logs(self._where)

    def line_like(self, expression: str) -> str | None:
        """Return the newest line that matches."""
        return next((line for line in reversed(self.text().splitlines()) if re.search(expression, line)), None)
