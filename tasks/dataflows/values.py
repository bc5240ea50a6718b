"""Verifies a calcapp dataflow: values go in at the first function, and the receiver has to log the right results."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.archive import facts
from tasks.dataflows import addresses, calcapp, containers, reach, results, stand_ins
from tasks.dataflows.traffic import Meter
from tasks.engines.kube import api
from tasks.engines.programs import waiting
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tasks.dataflows.calcapp import Answer, Row
    from tasks.dataflows.flow import Flow
    from tasks.dataflows.traffic import Pf
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.model import Pattern

# Makes a program read its configuration again.
_TELL = f'{containers.IDS}for id in $(ids "$0"); do kill -HUP "$id"; done; true'
# After a pod is Ready, its sidecar still has to learn the next hop; a chain that is silent for longer is broken.
_ANSWER_SECONDS = 60.0
# The headers of the packet with a request: Ethernet, IP and TCP. A value is a digit at least, and what separates it.
_HEADER_BYTES = 54
_VALUE_BYTES = 2
_CLIENT_SECONDS = 15.0
_LOG_SECONDS = 3.0
_LOG_PAUSE = 0.1
_LOG_TAIL = 200
_LAST_LINES = 5


@dataclass(frozen=True)
class Chain:
    """A deployed dataflow that calculates.

    Attributes:
        flow: The dataflow.
        pods: The pods of its functions, by key.
        at: Where each function is reached by the one before it, by key.
    """

    flow: Flow
    pods: Mapping[str, Object]
    at: Mapping[str, addresses.Address] = field(default_factory=dict)

    @property
    def first(self) -> Object:
        """The pod of the function that sends."""
        return self.pods[self.flow.pattern.hops[0].key]

    @property
    def last(self) -> Object:
        """The pod of the function that receives."""
        return self.pods[self.flow.pattern.hops[-1].key]

    def place(self, key: str) -> tuple[str, str, str]:
        """Return the node and the own address of a function, and the address at which it is reached."""
        pod = self.pods[key]
        own = addresses.own(self.flow.pattern.network, pod)
        return pod.get("spec", {}).get("nodeName", ""), own, str(self.at.get(key, ""))


def verify(flow: Flow, pfs: Callable[[], Mapping[Pf, int]] = dict) -> None:
    """Send values in, and compare what the receiver logs with what its functions have to compute; keep the answer.

    Args:
        flow: A deployed dataflow of a pattern that is verified with values.
        pfs: Returns the bytes that each PF has carried; nothing where they are not measured.

    Raises:
        Problem: No answer, or a value is wrong or missing; the message names the function. Or the values did not go by
            the pattern's network.
    """
    pods = flow.pods()
    _tell_next_hops(flow, pods)
    chain = Chain(flow, pods, addresses.told(flow, pods))
    meter = Meter(flow, pods, pfs)
    counted, start = meter.start(), time.monotonic()
    answer = waiting.Condition(
        f"{flow.name}: an answer to {' '.join(flow.pattern.inputs)}",
        lambda: _ask(chain),
        lambda seen: seen is not None and _is_complete(flow.pattern, seen),
    ).wait(min(_ANSWER_SECONDS, flow.deadlines.pipeline), explain=lambda: _broken_hop(chain), hint=flow.redeployment)
    seconds = time.monotonic() - start
    rows = calcapp.rows(flow.pattern, answer) if answer else []
    kept = results.of(flow.pattern.name).keep_answer(_record(chain, rows, seconds))
    progress.line(_table(chain, rows))
    least = (_HEADER_BYTES + _VALUE_BYTES * len(flow.pattern.inputs)) * (len(flow.pattern.hops) - 1)
    said = [
        f"{flow.name} answered {' '.join(flow.pattern.inputs)} in {seconds:.2f} s",
        meter.crossing(meter.since(counted), least),
        stand_ins.phrase(flow.stood_in),
        f"kept in {facts.shown(kept)}",
    ]
    progress.line("; ".join(filter(None, said)))
    wrong = next((row for row in rows if not row.ok), None)
    if wrong:
        raise Problem(f"{flow.name}: {wrong.hop.key} answered {wrong.value}, expected {_expectation(wrong)}")


def _expectation(row: Row) -> str:
    return f"{row.expected} (tolerance {row.tolerance:g})" if row.tolerance else str(row.expected)


def _tell_next_hops(flow: Flow, pods: Mapping[str, Object]) -> None:
    """Make restarted functions read their configuration again: they have forgotten their next hop."""
    for key, pod in pods.items():
        states = {each["name"]: each for each in pod.get("status", {}).get("containerStatuses", [])}
        if states.get(containers.app(pod).name, {}).get("restartCount", 0):
            progress.line(f"{key} has restarted: telling it its next hop again")
            _tell(flow, key, pod)


def _tell(flow: Flow, key: str, pod: Object) -> None:
    try:
        containers.run(flow.cluster, pod, _TELL, flow.pattern.client)
    except Problem as problem:
        # A function between that is no calcapp may have no shell, and no need to be told.
        progress.line(f"{key} cannot be told: {problem.message}")


def _ask(chain: Chain) -> Answer | None:
    """Send the inputs once; return what the receiver logged about them, or None if nothing reached it."""
    flow = chain.flow
    before = set(_log(flow, chain.last))
    _send(chain)
    end = time.monotonic() + _LOG_SECONDS
    while True:
        answer = _answer(flow.pattern, [line for line in _log(flow, chain.last) if line not in before])
        if answer or time.monotonic() > end:
            return answer
        time.sleep(_LOG_PAUSE)


def _send(chain: Chain) -> str:
    """Run the client once; return its complaint: only the receiver's log shows whether the values arrived."""
    command = calcapp.request(chain.flow.pattern)
    try:
        chain.flow.cluster.exec(containers.app(chain.first), command, timeout=_CLIENT_SECONDS)
    except Problem as complaint:
        return str(complaint)
    return ""


def _log(flow: Flow, pod: Object, since: str = "") -> list[str]:
    return flow.cluster.logs(containers.app(pod), since=since, tail=0 if since else _LOG_TAIL).splitlines()


def _is_complete(pattern: Pattern, answer: Answer) -> bool:
    """Return whether every function has added its value."""
    return all(hop.operator in answer.values for hop in pattern.hops if hop.operator)


def _broken_hop(chain: Chain) -> str:
    """Send once more, and return how far the request gets."""
    start = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    pattern = chain.flow.pattern
    complaint = _send(chain)
    logs = {hop.key: _log(chain.flow, chain.pods[hop.key], since=start) for hop in pattern.hops}
    answer = _answer(pattern, logs[pattern.hops[-1].key])
    if answer:
        silent = next((hop.key for hop in pattern.hops if hop.operator and hop.operator not in answer.values), "")
        return f"{silent} added no value to the request" if silent else "it answers at last: slow, not broken"
    before, key = _gap(pattern, logs)
    broken = f"no request reaches {key}: {' or '.join(before)} does not pass it on"
    evidence = [f"  {one} | {api.shortened(line)}" for one in before for line in logs[one][-_LAST_LINES:]]
    return "\n".join(filter(None, [_unconnected(chain), broken, *evidence, complaint]))


def _gap(pattern: Pattern, logs: Mapping[str, Sequence[str]]) -> tuple[list[str], str]:
    """Return which functions may have kept a request, one of which has, and the first that it has not reached for sure.

    Only what runs the receiver's image logs requests as the receiver does; the others may log anything.
    """
    before = [pattern.hops[0].key]
    for hop in pattern.hops[1:-1]:
        is_reached = any(calcapp.REQUEST in line for line in logs[hop.key])
        if is_reached:
            before = [hop.key]
        elif hop.image == pattern.hops[-1].image:
            return before, hop.key
        else:
            before.append(hop.key)
    return before, pattern.hops[-1].key


def _unconnected(chain: Chain) -> str:
    try:
        return reach.unconnected(chain.flow, chain.pods)
    except Problem as problem:
        return f"which functions reach each other is not known: {problem.message}"


def _answer(pattern: Pattern, lines: Iterable[str]) -> Answer | None:
    """Return the answer to a pattern's own inputs among the lines of its receiver's log."""
    sent = tuple(float(value) for value in pattern.inputs)
    answers = [answer for line in lines if (answer := calcapp.parse(line))]
    return next((each for each in answers if each.inputs == sent), None)


def _table(chain: Chain, rows: Sequence[Row]) -> str:
    """Return the answer as a table: function, node, own address, where it is reached, value, ok."""
    lines = [("function", "node", "address", addresses.way(chain.flow.pattern), "value", "ok")]
    for row in rows:
        value = "" if row.value is None else repr(row.value)
        verdict = ("ok" if row.ok else "WRONG") if row.hop.operator else ""
        lines.append((row.hop.key, *chain.place(row.hop.key), value, verdict))
    return progress.table(lines)


def _record(chain: Chain, rows: Sequence[Row], seconds: float) -> dict[str, Any]:
    """Return the answer as it is kept."""
    functions: list[dict[str, Any]] = []
    for row in rows:
        node, address, reached = chain.place(row.hop.key)
        tolerance = {"tolerance": row.tolerance} if row.tolerance else {}
        judged = {"value": row.value, "expected": row.expected, **tolerance, "ok": row.ok} if row.hop.operator else {}
        functions.append({"function": row.hop.key, "node": node, "address": address, "reached_at": reached, **judged})
    return {
        "dataflow": chain.flow.name,
        "inputs": [float(word) for word in chain.flow.pattern.inputs],
        "functions": functions,
        "cluster": chain.flow.place,
        "stand_ins": chain.flow.stood_in,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
    }
