"""A video goes through a dataflow, and what comes out of it plays."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tasks.engines import digests, kube_copy, manifests
from tasks.engines.kube import pod_ready
from tasks.engines.kube_exec import Container
from tasks.settings.patterns import BY_NAME
from tests.cluster.lab import NAME

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cluster.lab import Lab

PASSED_ON = re.compile(r"df-cpu-p1c1 passed on test\.mp4: h264, (\d+) of 45 frames, (\S+) of 3\.0 s")
DELETE = "delete_dataflow:p1c1"
LONG = "/tmp/long.mp4"
SIZE = 40_000_000


def copy_out_of_a_pod(lab: Lab, target: Path) -> None:
    """Copy a recording as long as a user's out of a function: no text, and more than one piece."""
    namespace = BY_NAME["p1c1"].namespace
    pod = next(pod for pod in lab.api.list(manifests.POD, namespace) if pod_ready(pod))
    where = Container(manifests.name_of(pod), namespace, "cpu-container0")

    def run(script: str) -> str:
        return lab.api.exec(where.pod, namespace, ["bash", "-c", script], container=where.name)

    digest = run(f"head -c {SIZE} /dev/urandom > {LONG}; sha256sum < {LONG}").split()[0]
    kube_copy.copy_out(lab.api, where, LONG, target)
    run(f"rm {LONG}")
    assert target.stat().st_size == SIZE
    assert digests.sha256(target) == digest


def test_a_video_is_received_on_one_worker_and_again_on_the_other(verified: Lab, tmp_path: Path) -> None:
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
    copy_out_of_a_pod(verified, tmp_path / "copy")
    verified.run(DELETE)
    assert "df-cpu-p1c1 is not deployed" in verified.run(DELETE)
