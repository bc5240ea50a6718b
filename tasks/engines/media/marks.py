"""The mark of a stand-in in the frames of a video: a band of one colour over the top rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from av import VideoFrame

# The band without its lower edge, which a codec blurs.
_ROWS = 12
# How far the brightness within the band may differ.
_SPREAD = 24


def marked_share(path: Path) -> float:
    """Return the share of the frames of a video that carry the mark, from 0 to 1.

    Args:
        path: A video that plays.
    """
    import av

    with av.open(str(path)) as file:
        seen = [_is_marked(frame) for frame in file.decode(file.streams.video[0])]
    return sum(seen) / len(seen) if seen else 0.0


def _is_marked(frame: VideoFrame) -> bool:
    luma = frame.reformat(format="gray").planes[0]
    content = bytes(luma)
    band = [content[row * luma.line_size :][: frame.width] for row in range(_ROWS)]
    return max(map(max, band)) - min(map(min, band)) <= _SPREAD
