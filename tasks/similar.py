"""Which name was probably meant by one that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# Of 1 for equal names; less similar ones are not proposed.
_SIMILAR = 0.6


def nearest(name: str, others: Iterable[str], cutoff: float = _SIMILAR) -> str:
    """Return the most similar name; empty if none is similar.

    Args:
        name: The name that is none.
        others: The names that there are.
        cutoff: How similar it has to be, from 0 to 1.
    """
    import difflib  # most commands meet no wrong name

    return next(iter(difflib.get_close_matches(name, [*others], n=1, cutoff=cutoff)), "")


def meant(name: str, others: Iterable[str]) -> str:
    """Return the question whether a similar name was meant, as the end of a sentence; empty if none is similar.

    Args:
        name: The name that is none.
        others: The names that there are.
    """
    near = nearest(name, others)
    return f"; did you mean {near}?" if near else ""
