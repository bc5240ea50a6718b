"""The mark that the stand-in of gpu_infer_tcp draws into each frame of a video: how many frames of a video carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.settings import video

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoFrame
    from av.video.plane import VideoPlane

    from tasks.settings.video import Mark

_FORMAT = "yuv420p"


def marked_share(path: Path, mark: Mark = video.MARK) -> float:
    """Return the share of a video's frames that carry a mark, from 0 to 1; 0 if it does not play.

    Args:
        path: The video.
        mark: What is looked for.
    """
    import av

    try:
        with av.open(str(path)) as file:
            found = [_is_marked(frame, mark) for frame in file.decode(video=0)]
    except (av.FFmpegError, IndexError):
        return 0.0
    return sum(found) / len(found) if found else 0.0


def _is_marked(frame: VideoFrame, mark: Mark) -> bool:
    frame = frame if frame.format.name == _FORMAT else frame.reformat(format=_FORMAT)
    luma, *chroma = frame.planes
    # In this format, the planes of colour have half as many rows.
    bands = [(luma, mark.rows, mark.luma), *((p, mark.rows // 2, c) for p, c in zip(chroma, mark.chroma, strict=True))]
    return all(_share_within(plane, rows, wanted) >= mark.share for plane, rows, wanted in bands)


def _share_within(plane: VideoPlane, rows: int, wanted: range) -> float:
    """Return the share of the samples in the top rows of a plane that are in a range."""
    samples = memoryview(plane)
    top = b"".join(samples[row * plane.line_size : row * plane.line_size + plane.width] for row in range(rows))
    others = len(top.translate(None, bytes(wanted)))
    return 1 - others / len(top) if top else 0.0
