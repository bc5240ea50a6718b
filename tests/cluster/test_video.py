"""A video goes through a dataflow, and what comes out of it plays."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.engines.files import digests
from tasks.engines.kube import manifests, pod_files
from tasks.engines.kube.pod_exec import Container
from tasks.engines.kube.state import is_pod_ready
from tasks.engines.media import video as videos
from tasks.engines.programs import waiting
from tasks.patterns import known
from tasks.settings import parameters
from tests.cluster.lab import NAME, commands

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.engines.media.video import Video
    from tests.cluster.lab import Lab

PASSED_ON = r"df-cpu-p1c1 passed on {}: h264, (\d+) of 45 frames, (\S+) of 3\.0 s"
DELETE = "delete_dataflow:p1c1"
LONG = "/tmp/long.mp4"
SIZE = 40_000_000
# Everything that a shell or gst-launch reads as its own syntax, and a suffix in capitals, as cameras write it.
AWKWARD = '-it\'s "a\\b" $HOME ! 日本.MP4'


def copy_out_of_a_pod(lab: Lab, target: Path) -> None:
    """Copy a file as large as a user's recording out of a function: binary, and more than one piece."""
    namespace = known.named("p1c1").namespace
    pod = next(pod for pod in lab.api.list(manifests.POD, namespace) if is_pod_ready(pod))
    where = Container(manifests.name_of(pod), namespace, "cpu-container0")

    def run(script: str) -> str:
        return lab.api.exec(where, ["bash", "-c", script])

    digest = run(f"head -c {SIZE} /dev/urandom > {LONG}; sha256sum < {LONG}").split()[0]
    pod_files.copy_out(lab.api, where, LONG, target)
    run(f"rm {LONG}")
    assert target.stat().st_size == SIZE
    assert digests.sha256(target, parameters.current().cache_dir) == digest


def record_by_hand(lab: Lab, output: str, folder: Path) -> Video | None:
    """Send, end the recording and copy it with the commands that a run has named, and play the copy."""
    send, end, copy = commands(output)
    lab.by_hand(send, folder)
    lab.by_hand(end, folder)
    rcv = Container("df-cpu-p1c1-wbfunction-rcv-cpu-pod", known.named("p1c1").namespace, "cpu-container0")
    ask = ["bash", "-c", "pidof gst-launch-1.0 || true"]
    waiting.until("the recording: ended", lambda: lab.api.exec(rcv, ask), lambda ids: not ids.strip(), deadline=30)
    lab.by_hand(copy, folder)
    return videos.play(folder / "rcv_video.mp4")


@pytest.fixture
def awkward(verified: Lab) -> Iterator[Path]:
    """Yield the path of a user's video with an awkward name, in the lab's checkout."""
    file = verified.checkout.root / "work/DATA/video" / AWKWARD
    yield file
    file.unlink()


def passed_on(name: str, output: str) -> bool:
    seen = re.search(PASSED_ON.format(re.escape(name)), output)
    return seen is not None and int(seen[1]) > 40


def test_a_video_is_received_on_one_worker_and_again_on_the_other(verified: Lab, awkward: Path, tmp_path: Path) -> None:
    results = verified.checkout.root / "work/RESULT"
    output = verified.run("dataflow:p1c1")
    assert passed_on("test.mp4", output)
    assert re.search(
        r"^df-cpu-p1c1-wbfunction-rcv-cpu-pod records again: process \d+ on UDP 5678$", output, re.MULTILINE
    )
    kept, by_hand = videos.play(results / "p1c1/test.mp4"), record_by_hand(verified, output, tmp_path)
    assert kept
    assert by_hand
    assert min(kept.frames, by_hand.frames) > 40

    shutil.copy(awkward.parent / "made/test.mp4", awkward)
    output = verified.run("dataflow:p1c1", VIDEO=AWKWARD)
    assert "the receiver had ended, and is started again" in output
    assert passed_on(AWKWARD, output)
    assert sorted(file.name for file in (results / "p1c1").iterdir()) == sorted(
        name + suffix for name in ("test.mp4", AWKWARD) for suffix in ("", ".json")
    )
    output = verified.run("dataflow:p1c1-multi-worker")
    assert passed_on(AWKWARD, output)
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
