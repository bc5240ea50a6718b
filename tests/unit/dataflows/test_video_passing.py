"""tasks.dataflows.video with a whole dataflow: what a video that comes through proves, and where one stops."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import av
import pytest

from tasks.dataflows import video
from tasks.dataflows.traffic import Pf
from tasks.engines.kube import manifests
from tasks.engines.media import user_videos
from tasks.engines.media import video as videos
from tasks.patterns import known
from tasks.problems import Problem
from tests.unit.dataflows.functions import Functions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tasks.engines.kube.manifests import Kind, Object
    from tasks.engines.kube.pod_exec import Container
    from tests.unit.conftest import Lines

PATTERN = known.named("p2c3-multi-worker")
PFS = (Pf("kind-worker", "ens9f0np0"), Pf("kind-worker2", "ens9f1np1"))
DECODER = "stand-in of gpu_infer_tcp: decoder avdec_h264 on the CPU"
SENDER = {"metadata": {"name": "sender", "namespace": "test"}}
_LISTENS = "17\n 12: 00000000:162E 00000000:0000 07\n"
_RATE = 15


def marked(path: Path) -> None:
    """Write the test video with the mark of the stand-in: a green band over the top rows."""
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=_RATE, options={"profile": "baseline"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(3 * _RATE):
            frame = av.VideoFrame(320, 240, "yuv420p")
            for plane, (band, below) in zip(frame.planes, ((145, 90), (54, 128), (34, 128)), strict=True):
                top = 16 * plane.height // 240 * plane.line_size
                plane.update(bytes([band]) * top + bytes([below]) * (plane.buffer_size - top))
            frame.pts = number
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


class Passing(Functions):
    """A dataflow whose receiver has recorded a given file once a video is sent.

    Attributes:
        recorded: What the receiver has recorded.
        beyond: The functions that nothing reaches.
    """

    def __init__(self, recorded: bytes, *, beyond: tuple[str, ...] = ()) -> None:
        super().__init__(PATTERN)
        self.recorded, self.beyond = recorded, beyond
        self.sent: list[str] = []
        self.objects = {
            manifests.CONFIG_MAP: [
                self.told("pip", "192.168.20.41", 5678),
                self.told("dsa", "192.168.20.42", 5678),
            ]
        }
        self.answer = self.reply

    def reply(self, pod: str, argv: Sequence[str]) -> str:
        if pod == "sender":
            self.sent += [word for word in argv if word.startswith("host=")]
            return ""
        words = " ".join(argv)
        reached = not re.search("|".join(f"-{key}-" for key in self.beyond) or "^$", pod)
        count = 1_000_000 * len(self.sent) if reached else 0
        answers = {
            "/proc/net/snmp": f"Udp: InDatagrams\nUdp: {count}\n  net1: {count} 1 0 0 0 0 0 0 {count} 1 0 0 0 0 0 0\n",
            "/proc/net/udp": _LISTENS,
            "stat -L": f"{len(self.recorded)}\n",
            "sha256sum --": hashlib.sha256(self.recorded).hexdigest() + "\n",
            "stat -c %s": "0\n",
            "/stand-in": "stand-in of gpu_infer_tcp\n",
            "/decoder": DECODER,
            "kill -INT": "",
            'cat "/proc/$id/cmdline"': "gst-launch-1.0\0-e\0",
        }  # fmt: skip
        return next((answer for part, answer in answers.items() if part in words), "")

    def stream(self, _where: Container, _argv: Sequence[str], take: Callable[[bytes], object], **_: Any) -> None:
        take(self.recorded)

    def list(self, kind: Kind, namespace: str = "", *_: Any) -> list[Object]:
        return [SENDER] if namespace == "test" else super().list(kind, namespace)

    def verify(self) -> None:
        flow = replace(self.flow(), stood_in=("emulated cards", "stand-in GPU"))
        video.verify(flow, "", lambda: dict.fromkeys(PFS, 9_000_000 * len(self.sent)))


@pytest.fixture
def made(tmp_path: Path) -> bytes:
    """The test video with the mark."""
    marked(tmp_path / "marked.mp4")
    return (tmp_path / "marked.mp4").read_bytes()


def test_a_video_that_comes_through_says_what_it_proves_and_keeps_it(checkout: Path, made: bytes, said: Lines) -> None:
    functions = Passing(made)
    functions.verify()
    assert functions.sent == ["host=192.168.20.40"]
    title, *rows = said.kept[0].splitlines()
    assert title.split() == ["function", "node", "address", "net1"]
    assert rows[1].split() == ["dsa", "kind-worker", "192.168.20.41", "192.168.20.41:5678"]
    assert said.kept[1].startswith("df-cpu-p2c3 passed on test.mp4: h264, 45 of 45 frames, 3.0 of 3.0 s; ")
    assert f"; dsa: {DECODER}, its mark is in the frames; net1: 4.0 MB sent, PFs carried 18.0 MB; " in said.kept[1]
    assert "; stand-ins: emulated cards, stand-in GPU; kept as " in said.kept[1]
    kept = json.loads((checkout / "work/RESULT/p2c3-multi-worker/test.mp4.json").read_text())
    assert (kept["codec"], kept["frames"], kept["stand_ins"]) == ("h264", 45, ["emulated cards", "stand-in GPU"])
    assert kept["functions"][2]["reached_at"] == "192.168.20.42:5678"
    assert any(DECODER in phrase for phrase in kept["said"])


@pytest.mark.usefixtures("checkout")
def test_a_video_that_passed_by_the_stand_in_fails() -> None:
    folder = user_videos.here()
    videos.make(folder.made, 3.0)
    says = r"^df-cpu-p2c3: rcv: .*test\.mp4: dsa was passed by: 0 of 45 received frames carry its mark"
    with pytest.raises(Problem, match=says):
        Passing(folder.made.read_bytes()).verify()


@pytest.mark.usefixtures("checkout")
def test_where_a_video_stops_is_named() -> None:
    with pytest.raises(Problem) as caught:
        Passing(b"", beyond=("rcv",)).verify()
    assert (
        "nothing that plays was received; rcv (on kind-worker2, 192.168.20.42): unreachable from dsa at net1; "
        "datagrams received: pip 1000000, dsa 1000000, rcv 0, 3 times"
    ) in caught.value.message
