"""A terminal of a chosen width in which a program runs."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SECONDS = 60.0
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07")


class Terminal:
    """Starts a program, and reads its output up to an expected text."""

    def __init__(self, argv: Sequence[str | Path], folder: Path, *, columns: int = 80) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        env = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        self._program = subprocess.Popen(
            argv, cwd=folder, env={**env, "TERM": "dumb"}, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
        )  # fmt: skip
        os.close(theirs)
        self._text = b""

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def wait_for(self, text: str) -> str:
        """Return what was written since the last call, up to `text`."""
        while text not in self._shown():
            assert self._read(), f"ended, or silent, before {text!r}: {self._shown()!r}"
        before, _, after = self._shown().partition(text)
        self._text = after.encode()
        return before + text

    def to_the_end(self) -> str:
        """Return what was written until the program ended."""
        while self._read():
            pass
        self._program.wait(_SECONDS)
        os.close(self._ours)
        return self._shown()

    def _shown(self) -> str:
        return _ESCAPES.sub("", self._text.decode(errors="replace")).replace("\r\n", "\n")

    def _read(self) -> bytes:
        if not select.select([self._ours], [], [], _SECONDS)[0]:
            return b""
        try:
            content = os.read(self._ours, 65536)
        except OSError:  # Linux reports this once the other end is closed
            return b""
        self._text += content
        return content
