"""Which codecs an MP4 file contains, read from its boxes without a media library."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# ISO/IEC 14496-12: the path of boxes from the file to the sample descriptions of each track.
_WAY = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_HEADER = 8
_LONG_HEADER = 16
_FULL_BOX = 8  # version, flags and entry count of stsd
H264 = frozenset({"avc1", "avc2", "avc3", "avc4"})


def codecs(path: Path) -> tuple[str, ...]:
    """Return the sample entry names (`avc1`, `mp4a`, ...) of the tracks; none if it is not an MP4 file.

    Args:
        path: The file.
    """
    with path.open("rb") as file:
        return tuple(_descend(file, 0, path.stat().st_size, _WAY))


def _descend(file: BinaryIO, start: int, end: int, way: tuple[bytes, ...]) -> Iterator[str]:
    if not way:
        yield from (kind.decode("latin-1") for kind, _, _ in _boxes(file, start + _FULL_BOX, end))
        return
    for kind, inside, after in _boxes(file, start, end):
        if kind == way[0]:
            yield from _descend(file, inside, after, way[1:])


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each box, the position of its content and the position after it."""
    while start + _HEADER <= end:
        file.seek(start)
        head = file.read(_LONG_HEADER).ljust(_LONG_HEADER, b"\0")
        size, kind, long_size = struct.unpack(">I4sQ", head)
        header = _LONG_HEADER if size == 1 else _HEADER
        length = {0: end - start, 1: long_size}.get(size, size)
        if length < header:
            return
        yield kind, start + header, min(start + length, end)
        start += length
