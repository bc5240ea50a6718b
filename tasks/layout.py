"""How text is fitted to the columns of a terminal."""

from __future__ import annotations

import shutil
import unicodedata

# Used if neither COLUMNS nor a terminal gives a size.
_USUAL = (80, 24)
_NARROWEST = 20
_CUT = "..."


def columns() -> int:
    """Return how many columns a line may have: COLUMNS or the width of the terminal, 80 in a pipe."""
    return max(shutil.get_terminal_size(_USUAL).columns, _NARROWEST)


def cells(text: str) -> int:
    """Return how many columns a text takes; an East Asian letter takes two, a combining one none."""
    return sum(map(_cells_of, text))


def padded(text: str, width: int) -> str:
    """Return the text, padded with blanks to a width in columns."""
    return text + " " * (width - cells(text))


def cut(text: str, width: int) -> str:
    """Return the text; if it is too wide, return as much of its beginning as fits, with three dots.

    Args:
        text: One line.
        width: Columns.
    """
    return text if cells(text) <= width else f"{_head(text, width - len(_CUT))}{_CUT}"


def wrapped(text: str, width: int) -> list[str]:
    """Return the text as lines of at most `width` columns, broken at blanks; a longer word is split.

    Args:
        text: One line.
        width: Columns.
    """
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cells(joined) <= width:
            line = joined
            continue
        lines += [line] if line else []
        *whole, line = _pieces(word, width)
        lines += whole
    return [*lines, line]


def hanging(head: str, text: str, width: int) -> list[str]:
    """Return `head` with the text beside it; all lines of the text begin in the same column.

    Args:
        head: Text before the first line.
        text: One line.
        width: Columns of both together.
    """
    margin = cells(head)
    first, *rest = wrapped(text, max(width - margin, 1))
    return [f"{head}{first}".rstrip(), *(f"{'':{margin}}{line}" for line in rest)]


def _pieces(word: str, width: int) -> list[str]:
    pieces = []
    while cells(word) > width:
        piece = _head(word, width) or word[0]
        pieces.append(piece)
        word = word[len(piece) :]
    return [*pieces, word]


def _head(text: str, width: int) -> str:
    taken = 0
    for position, letter in enumerate(text):
        taken += _cells_of(letter)
        if taken > width:
            return text[:position]
    return text


def _cells_of(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
