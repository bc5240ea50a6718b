"""Standard output and error as users of pipes expect them: when the reader leaves, the run ends quietly."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import TYPE_CHECKING

from tasks.engines.programs import interrupts

if TYPE_CHECKING:
    from typing import TextIO

    from _typeshed import ReadableBuffer

_OUTPUTS = ("stdout", "stderr")
# A closed terminal reports EIO, which must not disturb a run that is to continue without it (`nohup`).
_GONE = (errno.EPIPE, errno.EIO)
FULL = 1


class _Output(io.FileIO):
    """A descriptor whose writes never fail: the first error is handled, and all further output is discarded.

    Attributes:
        failed: Whether output was lost for a reason other than a missing reader.
    """

    failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, and return how many bytes were written or discarded."""
        try:
            return super().write(data)
        except OSError as error:
            self._abandon()
            if error.errno == errno.EPIPE:
                interrupts.reader_is_gone()
            elif error.errno not in _GONE:
                self.failed = True
                sys.stderr.write(f"the output could not be written: {error.strerror}\n")
            return memoryview(data).nbytes

    def _abandon(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def guard() -> None:
    """Replace the standard streams; call this before anything keeps a reference to one of them."""
    for name in _OUTPUTS:
        stream: TextIO | None = getattr(sys, name)
        # If the caller closed the stream, the next file that is opened must not get its descriptor.
        descriptor = stream.fileno() if stream else os.open(os.devnull, os.O_WRONLY)
        setattr(sys, name, _text(descriptor, stream))


def finish() -> int:
    """Write what is left in the buffers.

    Returns:
        0, or the exit code for lost output.

    Raises:
        SystemExit: The reader is gone.
    """
    for name in _OUTPUTS:
        getattr(sys, name).flush()
    return FULL if any(getattr(sys, name).buffer.raw.failed for name in _OUTPUTS) else 0


def _text(descriptor: int, stream: TextIO | None) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(_Output(descriptor, "w", closefd=False))
    if stream is None:
        return io.TextIOWrapper(buffer, encoding="utf-8")
    lines = os.isatty(descriptor) or stream is sys.stderr
    return io.TextIOWrapper(buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=lines)
