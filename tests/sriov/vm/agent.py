"""Answers the host over a serial line: runs each named scenario in its own process and reports how it ended."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
import tty
from typing import Any

from tests.sriov.vm import scenarios

PORT = "/dev/ttyS1"


def main() -> None:
    """Serve requests, one JSON object per line, until the host goes away."""
    descriptor = os.open(PORT, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(descriptor)
    with os.fdopen(descriptor, "r+b", buffering=0) as port:
        _answer(port, {"ready": True})
        for line in iter(port.readline, b""):
            _answer(port, _run(json.loads(line)["scenario"]))


def _answer(port: Any, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode() + b"\n"
    while data:
        data = data[port.write(data) :]


def _run(name: str) -> dict[str, Any]:
    """Run one scenario in a child, so that its namespaces, imports and environment do not reach the next one."""
    with tempfile.TemporaryFile("w+") as output:
        child = os.fork()
        if child == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os._exit(_scenario(name))
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return {"scenario": name, "passed": os.waitstatus_to_exitcode(status) == 0, "output": output.read()}


def _scenario(name: str) -> int:
    try:
        scenarios.named(name)()
    except BaseException:  # noqa: BLE001 - whatever ends a scenario is its result
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    main()
