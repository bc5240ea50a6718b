"""Verifies a calcapp dataflow: values go in at the first function, and the receiver has to log the right results."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.archive import facts
from tasks.controller import kinds
from tasks.dataflows import calcapp, containers, results
from tasks.dataflows.containers import APP
from tasks.engines.kube import api
from tasks.engines.kube.pod_exec import Container
from tasks.engines.programs import waiting
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tasks.dataflows.calcapp import Answer, Row
    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object
    from tasks.settings.patterns import Pattern

# Makes a program read its configuration again.
_TELL = f'{containers.IDS}for id in $(ids "$0"); do kill -HUP "$id"; done; true'
# After a pod is Ready, its sidecar still has to learn the next hop; a chain that is silent for longer is broken.
_ANSWER_SECONDS = 60.0
_CLIENT_SECONDS = 15.0
_LOG_SECONDS = 3.0
_LOG_PAUSE = 0.1
_LOG_TAIL = 200
_LAST_LINES = 5


def verify(flow: Flow) -> None:
    """Send values in, and compare what the receiver logs with what its functions have to compute; keep the answer.

    Args:
        flow: A deployed dataflow of a pattern that is verified with values.

    Raises:
        Problem: No answer, or a value is wrong or missing; the message names the function.
    """
    pods = flow.pods()
    _tell_next_hops(flow, pods)
    start = time.monotonic()
    answer = waiting.Condition(
        f"{flow.name}: an answer to {' '.join(flow.pattern.inputs)}",
        lambda: _ask(flow),
        lambda seen: seen is not None and _is_complete(flow.pattern, seen),
    ).wait(_ANSWER_SECONDS, explain=lambda: _broken_hop(flow), hint=flow.redeployment)
    seconds = time.monotonic() - start
    rows = calcapp.rows(flow.pattern, answer) if answer else []
    kept = results.of(flow.pattern.name).keep_answer(_record(flow, pods, rows, seconds))
    progress.line(_table(pods, rows))
    sent = " ".join(flow.pattern.inputs)
    progress.line(f"{flow.name} answered {sent} in {seconds:.2f} s; kept in {facts.shown(kept)}")
    wrong = next((row for row in rows if not row.ok), None)
    if wrong:
        raise Problem(f"{flow.name}: {wrong.hop.key} answered {wrong.value}, expected {wrong.expected}")


def _tell_next_hops(flow: Flow, pods: Mapping[str, Object]) -> None:
    """Make restarted functions read their configuration again: they have forgotten their next hop."""
    for key, pod in pods.items():
        states = {each["name"]: each for each in pod.get("status", {}).get("containerStatuses", [])}
        if states.get(APP, {}).get("restartCount", 0):
            progress.line(f"{key} has restarted: telling it its next hop again")
            containers.run(flow.cluster, pod, _TELL, flow.pattern.client)


def _ask(flow: Flow) -> Answer | None:
    """Send the inputs once; return what the receiver logged about them, or None if nothing reached it."""
    receiver = _pod_name(flow, flow.pattern.hops[-1].key)
    before = set(_log(flow, receiver))
    _send(flow)
    end = time.monotonic() + _LOG_SECONDS
    while True:
        answer = _answer(flow.pattern, [line for line in _log(flow, receiver) if line not in before])
        if answer or time.monotonic() > end:
            return answer
        time.sleep(_LOG_PAUSE)


def _send(flow: Flow) -> str:
    """Run the client once; return its complaint: only the receiver's log shows whether the values arrived."""
    sender = Container(_pod_name(flow, flow.pattern.hops[0].key), flow.namespace, APP)
    # Without the dashes, the client takes a first input below zero for an option.
    command = [flow.pattern.client, "--", *flow.pattern.inputs]
    try:
        flow.cluster.exec(sender, command, timeout=_CLIENT_SECONDS)
    except Problem as complaint:
        return str(complaint)
    return ""


def _log(flow: Flow, pod: str, since: str = "") -> list[str]:
    where = Container(pod, flow.namespace, APP)
    return flow.cluster.logs(where, since=since, tail=0 if since else _LOG_TAIL).splitlines()


def _pod_name(flow: Flow, key: str) -> str:
    """Return the name of the pod for a key of the chain."""
    return f"{kinds.function_name(flow.name, key)}-cpu-pod"


def _is_complete(pattern: Pattern, answer: Answer) -> bool:
    """Return whether every function has added its value."""
    return all(hop.operator in answer.values for hop in pattern.hops if hop.operator)


def _broken_hop(flow: Flow) -> str:
    """Send once more, and return how far the request gets."""
    start = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
    pattern = flow.pattern
    complaint = _send(flow)
    logs = {hop.key: _log(flow, _pod_name(flow, hop.key), since=start) for hop in pattern.hops}
    answer = _answer(pattern, logs[pattern.hops[-1].key])
    if answer:
        silent = next((hop.key for hop in pattern.hops if hop.operator and hop.operator not in answer.values), "")
        return f"{silent} added no value to the request" if silent else "it answers at last: slow, not broken"
    previous = pattern.hops[0].key
    for hop in pattern.hops[1:]:
        if not any(calcapp.REQUEST in line for line in logs[hop.key]):
            break
        previous = hop.key
    broken = f"no request reaches {hop.key}: {previous} does not pass it on"
    evidence = [f"  {previous} | {api.shortened(line)}" for line in logs[previous][-_LAST_LINES:]]
    return "\n".join([broken, *evidence, complaint])


def _answer(pattern: Pattern, lines: Iterable[str]) -> Answer | None:
    """Return the answer to a pattern's own inputs among the lines of its receiver's log."""
    sent = tuple(float(value) for value in pattern.inputs)
    answers = [answer for line in lines if (answer := calcapp.parse(line))]
    return next((each for each in answers if each.inputs == sent), None)


def _place(pods: Mapping[str, Object], key: str) -> tuple[str, str]:
    """Return the node and the address of a function's pod."""
    pod = pods.get(key, {})
    return pod.get("spec", {}).get("nodeName", ""), pod.get("status", {}).get("podIP", "")


def _table(pods: Mapping[str, Object], rows: Sequence[Row]) -> str:
    """Return the answer as a table: function, node, pod address, value, ok."""
    lines = [("function", "node", "address", "value", "ok")]
    for row in rows:
        value = "" if row.value is None else repr(row.value)
        verdict = ("ok" if row.ok else "WRONG") if row.hop.operator else ""
        lines.append((row.hop.key, *_place(pods, row.hop.key), value, verdict))
    return progress.table(lines)


def _record(flow: Flow, pods: Mapping[str, Object], rows: Sequence[Row], seconds: float) -> dict[str, Any]:
    """Return the answer as it is kept."""
    functions: list[dict[str, Any]] = []
    for row in rows:
        node, address = _place(pods, row.hop.key)
        judged = {"value": row.value, "expected": row.expected, "ok": row.ok} if row.hop.operator else {}
        functions.append({"function": row.hop.key, "node": node, "address": address, **judged})
    return {
        "dataflow": flow.name,
        "inputs": [float(word) for word in flow.pattern.inputs],
        "functions": functions,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
    }
