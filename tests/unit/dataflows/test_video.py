"""tasks.dataflows.video and engines.video: what plays, what does not, and where a video is sent."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tasks.dataflows import video
from tasks.engines.media import mp4
from tasks.engines.media import video as videos
from tasks.engines.media.video import Video
from tasks.problems import Problem
from tasks.settings.patterns import BY_NAME
from tests.threads import side_by_side

if TYPE_CHECKING:
    from pathlib import Path

SENT = Video("h264", 45, 3.0)
NETWORKS = "k8s.v1.cni.cncf.io/network-status"


def test_the_made_video_plays(tmp_path: Path) -> None:
    file = tmp_path / "made" / "test.mp4"
    videos.make(file, 3.0)
    seen = videos.play(file)
    assert seen is not None
    assert (seen.codec, seen.frames, round(seen.seconds, 2)) == ("h264", 45, 3.0)
    assert mp4.codecs(file) == ("avc1",)


def test_two_dataflows_that_need_the_made_video_at_the_same_time_have_it(tmp_path: Path) -> None:
    file = tmp_path / "made" / "test.mp4"

    def make_late() -> None:
        while not [*file.parent.glob("test*")]:
            time.sleep(0.001)
        videos.make(file, 30.0)

    side_by_side([lambda: videos.make(file, 30.0), make_late])
    assert videos.play(file)
    assert list(file.parent.iterdir()) == [file]


def test_a_recording_that_was_not_ended_does_not_play(tmp_path: Path) -> None:
    file = tmp_path / "test.mp4"
    videos.make(file, 1.0)
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    assert videos.play(file) is None
    file.write_bytes(b"")
    assert videos.play(file) is None


@pytest.mark.parametrize(
    ("received", "says"),
    [
        (SENT, ""),
        (Video("h264", 41, 2.8), ""),
        (None, "nothing that plays was received"),
        (Video("mpeg4", 45, 3.0), "mpeg4 was received, h264 sent"),
        (Video("h264", 20, 3.0), "20 of 45 frames were received"),
        (Video("h264", 45, 1.0), "1.0 of 3.0 s were received"),
    ],
)
def test_what_is_wrong_with_a_recording_is_said(received: Video | None, says: str) -> None:
    assert video.complaint(SENT, received) == says


def service(ingress: str = "") -> dict[str, Any]:
    balancer = {"ingress": [{"ip": ingress}]} if ingress else {}
    return {
        "metadata": {"name": "pip-service"},
        "spec": {"clusterIP": "10.96.0.7"},
        "status": {"loadBalancer": balancer},
    }


def pod(networks: list[dict[str, Any]]) -> dict[str, Any]:
    return {"metadata": {"name": "pip-pod", "annotations": {NETWORKS: json.dumps(networks)}}}


SECOND = {"name": "cpufunc-sample/sriov-ipam-config", "ips": ["192.168.20.11"]}


@pytest.mark.parametrize(
    ("name", "networks", "in_front", "expected"),
    [
        ("p1c1", [], service(), "10.96.0.7"),
        ("p1c1", [], service("172.18.255.1"), "172.18.255.1"),
        ("p1c2", [], service("172.18.255.1"), "172.18.255.1"),
        ("p3c1", [{"name": "calico", "ips": ["10.244.0.2"]}, SECOND], None, "192.168.20.11"),
    ],
)
def test_the_address_that_a_video_is_sent_to(
    name: str, networks: list[dict[str, Any]], in_front: dict[str, Any] | None, expected: str
) -> None:
    assert video.address(BY_NAME[name], pod(networks), in_front) == expected


@pytest.mark.parametrize(
    ("name", "in_front", "says"),
    [
        ("p1c1", None, "df-cpu-p1c1: no Service in front of pip"),
        ("p1c2", service(), "no load balancer gave it an address"),
        ("p3c1", None, "has no address in sriov-ipam-config"),
    ],
)
def test_no_address_is_a_line_that_says_why(name: str, in_front: dict[str, Any] | None, says: str) -> None:
    with pytest.raises(Problem, match=says):
        video.address(BY_NAME[name], pod([]), in_front)
