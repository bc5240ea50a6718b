"""Standard output and error as users of pipes expect them: a reader that leaves ends the run, quietly."""

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
# A terminal that was closed reports EIO; whoever asked to go on without it (`nohup`) is not disturbed by that.
_GONE = (errno.EPIPE, errno.EIO)
FULL = 1


class _Output(io.FileIO):
    """A descriptor whose writes never fail: the first that does is acted on, and the rest goes nowhere.

    Attributes:
        failed: Whether output was lost for another reason than that nobody reads it.
    """

    failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, and return how many bytes are done with."""
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
    """Put such streams in place of the standard ones. Call it before anything keeps one of those."""
    for name in _OUTPUTS:
        stream: TextIO | None = getattr(sys, name)
        # Closed by the caller: the descriptor must not become that of the next file that is opened.
        descriptor = stream.fileno() if stream else os.open(os.devnull, os.O_WRONLY)
        setattr(sys, name, _text(descriptor, stream))


def finish() -> int:
    """Write what is left in the buffers.

    Returns:
        0, or the exit code where output was lost.

    Raises:
        SystemExit: Nobody reads it.
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
