"""A video goes through a dataflow, and what comes out of it plays."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tests.cluster.lab import NAME

if TYPE_CHECKING:
    from tests.cluster.lab import Lab

PASSED_ON = re.compile(r"df-cpu-p1c1 passed on test\.mp4: h264, (\d+) of 45 frames, (\S+) of 3\.0 s")
DELETE = "delete_dataflow:p1c1"


def test_a_video_is_received_on_one_worker_and_again_on_the_other(verified: Lab) -> None:
    for _ in range(2):
        seen = PASSED_ON.search(verified.run("dataflow:p1c1"))
        assert seen
        assert int(seen[1]) > 40
    output = verified.run("dataflow:p1c1-multi-worker")
    assert PASSED_ON.search(output)
    assert re.search(rf"^pip +{NAME}-worker ", output, re.MULTILINE)
    assert re.search(rf"^rcv +{NAME}-worker2 ", output, re.MULTILINE)
    flows = {flow["name"]: flow for flow in json.loads(verified.run("dataflow_status", "--json"))}
    assert [(one["key"], one["pod_state"]) for one in flows["df-cpu-p1c1"]["functions"]] == [
        ("pip", "Ready"),
        ("rcv", "Ready"),
    ]
    verified.run(DELETE)
    assert "df-cpu-p1c1 is not deployed" in verified.run(DELETE)
