"""Video files: creates a short test video, and checks whether a video plays, with FFmpeg's libraries through PyAV."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.files.lock import part_of

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoFrame

_WIDTH, _HEIGHT = 320, 240
_FRAMES_PER_SECOND = 15
_KEY_FRAME_EVERY = 5
_GREY = b"\x80"
_MAKING = threading.Lock()


@dataclass(frozen=True)
class Video:
    """A video, as a player sees it.

    Attributes:
        codec: Name of the codec, such as "h264".
        frames: Number of frames that could be decoded.
        seconds: Time from the first frame to the end of the last.
    """

    codec: str
    frames: int
    seconds: float


def make(path: Path, seconds: float) -> None:
    """Create a video of a moving stripe (H.264 in MP4), unless the file exists.

    Args:
        path: The file; its folder is created.
        seconds: How long it plays.
    """
    # No lock file: the folder is the user's, and only the tasks of one run write to it.
    with _MAKING:
        if not path.is_file():
            _make(path, seconds)


def _make(path: Path, seconds: float) -> None:
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    with av.open(str(part), "w", format="mp4") as file:
        # The baseline profile has no frames that refer to later ones, so frames are shown in the order of arrival.
        options = {"profile": "baseline", "g": str(_KEY_FRAME_EVERY)}
        stream = file.add_stream("libx264", rate=_FRAMES_PER_SECOND, options=options)
        stream.width, stream.height, stream.pix_fmt = _WIDTH, _HEIGHT, "yuv420p"
        for number in range(round(seconds * _FRAMES_PER_SECOND)):
            file.mux(stream.encode(_stripe(number)))
        file.mux(stream.encode(None))
    part.replace(path)


def play(path: Path) -> Video | None:
    """Decode a whole file; return None if it is not a video or has no frames.

    Args:
        path: The file.
    """
    import av

    try:
        with av.open(str(path)) as file:
            stream = file.streams.video[0]
            times = [frame.time or 0.0 for frame in file.decode(stream)]
            if not times:
                return None
            rate = float(stream.average_rate or _FRAMES_PER_SECOND)
            return Video(stream.codec_context.name, len(times), max(times) - min(times) + 1 / rate)
    except (av.FFmpegError, IndexError):
        return None


def _stripe(number: int) -> VideoFrame:
    import av

    frame = av.VideoFrame(_WIDTH, _HEIGHT, "yuv420p")
    luma, *chroma = frame.planes
    row = bytes((column + 4 * number) % 256 for column in range(luma.line_size))
    luma.update(row * luma.height)
    for plane in chroma:
        plane.update(_GREY * plane.buffer_size)
    frame.pts = number
    return frame
