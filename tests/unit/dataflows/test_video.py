"""tasks.dataflows.video and engines.video: what plays, and what does not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tasks.dataflows import video
from tasks.engines.media import mp4
from tasks.engines.media import video as videos
from tasks.engines.media.video import Video
from tasks.patterns.checks import PlayedVideo
from tests.threads import side_by_side

if TYPE_CHECKING:
    from pathlib import Path

SENT = Video("h264", 45, 3.0)


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
    ("received", "asked", "says"),
    [
        (SENT, PlayedVideo(), ""),
        (Video("h264", 41, 2.8), PlayedVideo(), ""),
        (None, PlayedVideo(), "nothing that plays was received"),
        (Video("mpeg4", 45, 3.0), PlayedVideo(), "mpeg4 was received, h264 sent"),
        (Video("h264", 20, 3.0), PlayedVideo(), "20 of 45 frames were received"),
        (Video("h264", 45, 1.0), PlayedVideo(), "1.0 of 3.0 s were received"),
        (Video("mpeg4", 45, 3.0), PlayedVideo("mpeg4"), ""),
        (SENT, PlayedVideo("mpeg4"), "h264 was received, mpeg4 expected"),
        (Video("h264", 20, 1.0), PlayedVideo(frames=0.4, time=0.3), ""),
        (Video("h264", 44, 3.0), PlayedVideo(frames=1.0), "44 of 45 frames were received"),
        (Video("h264", 45, 2.8), PlayedVideo(time=1.0), "2.8 of 3.0 s were received"),
    ],
)
def test_what_is_wrong_with_a_recording_is_said(received: Video | None, asked: PlayedVideo, says: str) -> None:
    assert video.complaint(SENT, received, asked) == says
