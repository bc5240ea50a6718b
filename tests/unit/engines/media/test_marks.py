"""engines.media.marks: how many frames of a real video carry the mark of the stand-in of gpu_infer_tcp."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import pytest
from av.video.frame import PictureType

from tasks.engines.media import marks, video

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av import VideoFrame

GREEN = (145, 54, 34)
GREEN_OF_HIGH_DEFINITION = (173, 42, 26)
# What decoders show where data is missing.
EMPTY = (0, 0, 0)
FRAMES = 30


def painted(frame: VideoFrame, colour: tuple[int, int, int], rows: int = 16) -> VideoFrame:
    """A frame whose top rows have one colour."""
    for plane, value, height in zip(frame.planes, colour, (rows, rows // 2, rows // 2), strict=True):
        content = bytearray(plane)
        content[: height * plane.line_size] = bytes([value]) * (height * plane.line_size)
        plane.update(bytes(content))
    return frame


def encoded(path: Path, frames: Iterator[VideoFrame], rate: int = 60_000) -> Path:
    """A video of these frames, encoded so strongly that little is left of details."""
    with av.open(str(path), "w", format="mp4") as file:
        stream = file.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 320, 240, "yuv420p", rate
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 15), PictureType.NONE
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


@pytest.fixture
def unmarked(tmp_path: Path) -> Path:
    """A video in which nothing is marked."""
    video.make(tmp_path / "test.mp4", FRAMES / 15)
    return tmp_path / "test.mp4"


def of(path: Path, colour: tuple[int, int, int], *, first: int = 0, rows: int = 16) -> Iterator[VideoFrame]:
    """The frames of a video, from one of them on with a band at the top."""
    with av.open(str(path)) as file:
        for number, frame in enumerate(file.decode(video=0)):
            yield painted(frame, colour, rows) if number >= first else frame


def test_nothing_is_found_in_a_video_that_was_passed_on_as_it_was(unmarked: Path) -> None:
    assert marks.marked_share(unmarked) == 0.0


@pytest.mark.parametrize("colour", [GREEN, GREEN_OF_HIGH_DEFINITION])
def test_each_marked_frame_counts_also_after_it_was_encoded(
    unmarked: Path, tmp_path: Path, colour: tuple[int, int, int]
) -> None:
    assert marks.marked_share(encoded(tmp_path / "marked.mp4", of(unmarked, colour))) == 1.0


def test_half_of_a_video_is_half(unmarked: Path, tmp_path: Path) -> None:
    half = encoded(tmp_path / "half.mp4", of(unmarked, GREEN, first=FRAMES // 2))
    assert marks.marked_share(half) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("colour", "rows"), [(EMPTY, 240), (GREEN, 8), ((145, 128, 128), 16)])
def test_what_a_broken_decoder_shows_and_what_only_resembles_it_is_no_mark(
    unmarked: Path, tmp_path: Path, colour: tuple[int, int, int], rows: int
) -> None:
    assert marks.marked_share(encoded(tmp_path / "other.mp4", of(unmarked, colour, rows=rows))) == 0.0


def test_what_does_not_play_has_no_mark(tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    assert marks.marked_share(tmp_path / "cut.mp4") == 0.0
