"""How a run looks: a live display on a terminal, plain lines in a file or a pipe."""

from __future__ import annotations

import os
import re
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Group

_PLAIN_STEP_SECONDS = 10.0
_REFRESHES_PER_SECOND = 4
_MINUTE = 60
_STEP = 10
_SHORT_SECONDS = 10
_DURATION_WIDTH = 11
# Terminals that cannot move their cursor.
_DUMB = ("dumb", "unknown")
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9])")


class Screen(Protocol):
    """What the reporter needs from a terminal or a log."""

    def write(self, text: str) -> None:
        """Write `text`, one or several lines that stay."""

    def start(self, task: str) -> None:
        """Show that a task runs."""

    def step(self, task: str, text: str) -> None:
        """Show what a running task is doing."""

    def end(self, task: str) -> None:
        """Stop showing the task."""

    def pause(self) -> None:
        """Leave the terminal to a task that writes to it itself."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


def open_screen(stream: TextIO, head: Callable[[], str] = str) -> Screen:
    """Return the display that suits the stream.

    Args:
        stream: Where it is written.
        head: Returns what a live display shows above the running tasks.
    """
    return Live(stream, head) if stream.isatty() and os.environ.get("TERM") not in _DUMB else Plain(stream)


def has_colours(stream: TextIO) -> bool:
    """Return whether colours are shown in a stream and wanted there (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in _DUMB


def duration(seconds: float) -> str:
    """Return a time span as people write it.

    Args:
        seconds: Length of the span in seconds.
    """
    if seconds < _SHORT_SECONDS:
        return f"{seconds:.1f} s"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    return f"{minutes} min {rest} s"


def rough(seconds: float) -> str:
    """Return a time span in whole minutes, or in steps of ten seconds if it is shorter than two minutes.

    Args:
        seconds: Length of the span in seconds.
    """
    if seconds < 2 * _MINUTE:
        return f"{max(round(seconds / _STEP), 1) * _STEP} s"
    return f"{round(seconds / _MINUTE)} min"


class Plain:
    """Lines for a log: the start of each task, and its steps now and then."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to `stream`, as often as the clock allows."""
        self._stream = stream
        self._clock = clock
        self._lock = threading.Lock()
        self._next_step: dict[str, float] = {}

    def write(self, text: str) -> None:
        """Write the text and a line end, at once."""
        with self._lock:
            self._stream.write(f"{text}\n")
            self._stream.flush()

    def start(self, task: str) -> None:
        """Say that a task starts."""
        self._next_step[task] = self._clock() + _PLAIN_STEP_SECONDS
        self.write(f"{task} ...")

    def step(self, task: str, text: str) -> None:
        """Say what a task is doing, unless its last line is only seconds old: a log is read afterwards."""
        at = self._clock()
        if at >= self._next_step.get(task, 0.0):
            self._next_step[task] = at + _PLAIN_STEP_SECONDS
            self.write(f"{task}: {_one_line(text)}")

    def end(self, task: str) -> None:
        """Forget the task."""
        self._next_step.pop(task, None)

    def pause(self) -> None:
        """Do nothing: lines need no pause."""

    def close(self) -> None:
        """Do nothing: every line is already written."""


class Lines:
    """Listens to progress when there is no reporter, and writes only the lines."""

    def __init__(self, stream: TextIO) -> None:
        """Write to `stream`."""
        self._stream = stream

    def step(self, text: str) -> None:
        """Ignore steps, which are true only for a moment."""

    def line(self, text: str) -> None:
        """Write the text and a line end, at once."""
        self._stream.write(f"{text}\n")
        self._stream.flush()


class Live:
    """One line per running task with its time and current step, below the written text."""

    def __init__(self, stream: TextIO, head: Callable[[], str] = str) -> None:
        """Draw on `stream`, with what `head` returns as the first line."""
        self._stream = stream
        self._head = head
        self._lock = threading.RLock()
        self._running: dict[str, tuple[float, str]] = {}
        self._live: Any = None

    def write(self, text: str) -> None:
        """Write above the running tasks."""
        with self._lock:
            if self._live is None:
                self._stream.write(f"{text}\n")
                self._stream.flush()
            else:
                self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def start(self, task: str) -> None:
        """Add the task's line."""
        with self._lock:
            self._running[task] = (time.monotonic(), "")
            if self._live is None:
                self._live = self._opened()

    def step(self, task: str, text: str) -> None:
        """Change the task's line at the next refresh."""
        with self._lock:
            started, _ = self._running.get(task, (time.monotonic(), ""))
            self._running[task] = (started, text)

    def end(self, task: str) -> None:
        """Remove the task's line."""
        with self._lock:
            self._running.pop(task, None)
            if not self._running:
                self.close()

    def pause(self) -> None:
        """Stop drawing until the next task starts."""
        self.close()

    def close(self) -> None:
        """Erase the running tasks."""
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def _opened(self) -> Any:
        from rich.console import Console
        from rich.live import Live as RichLive

        live = RichLive(
            console=Console(file=self._stream),
            get_renderable=self._drawn,
            refresh_per_second=_REFRESHES_PER_SECOND,
            transient=True,
        )
        live.start()
        return live

    def _drawn(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        running = list(self._running.items())
        width = max((len(task) for task, _ in running), default=0)
        lines = [Text(head, style="dim")] if (head := self._head()) else []
        for task, (started, text) in running:
            elapsed = duration(time.monotonic() - started)
            parts = ((task.ljust(width), "bold"), f" {elapsed:>{_DURATION_WIDTH}} ", (_one_line(text), "cyan"))
            lines.append(Text.assemble(*parts, no_wrap=True, overflow="ellipsis"))
        return Group(*lines)


def _one_line(text: str) -> str:
    """Return what a program shows on one line, without the codes that move the cursor or set a colour."""
    return _ESCAPES.sub("", text).strip().rpartition("\r")[2]
