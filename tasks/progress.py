"""How actions show what they are doing. They report here and never print: the reporter owns the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Listener(Protocol):
    """Receives progress; in a doit run, `tasks.runner.reporter` provides it."""

    def step(self, text: str) -> None:
        """Replace the current task's live line with `text`."""

    def line(self, text: str) -> None:
        """Keep `text` on the terminal, above the live line."""


class _Silent:
    """The listener outside a doit run, such as in a unit test."""

    def step(self, text: str) -> None:
        pass

    def line(self, text: str) -> None:
        pass


_listener: Listener = _Silent()


def listen(listener: Listener) -> Callable[[], None]:
    """Send progress to `listener` from now on.

    Args:
        listener: Receives every step and line of the process.

    Returns:
        A function that puts the earlier listener back.
    """
    global _listener  # noqa: PLW0603 - one terminal, one listener
    earlier = _listener
    _listener = listener

    def restore() -> None:
        global _listener  # noqa: PLW0603
        _listener = earlier

    return restore


def step(text: str) -> None:
    """Show what the current task is doing, in a few words without a line end."""
    _listener.step(text)


def line(text: str) -> None:
    """Show something that the user should still see when the run has ended."""
    _listener.line(text)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of cells as lines of aligned columns; the first row is the header."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
