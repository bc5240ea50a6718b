"""How a task's name may be written: with hyphens or underscores, or as the target of the original's Makefile."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

from tasks.settings import makefile

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# In a pattern, either of the two; a set of characters in brackets stays as it is.
_EITHER = "[-_]"
_SETS_AND_DASHES = re.compile(r"\[[^]]+\]|[-_]")


def key(name: str) -> str:
    """Return what all spellings of a name have in common."""
    return name.replace("-", "_")


def tasks(word: str, names: Collection[str]) -> tuple[str, ...]:
    """Return the names of the tasks that a word means.

    Args:
        word: What was typed.
        names: Names of all tasks.
    """
    if word in names:
        return (word,)
    same = [name for name in names if key(name) in {key(word), *_dataflows(word)}]
    return tuple(same) or _TARGETS.get(key(word), ())


def _dataflows(word: str) -> Iterator[str]:
    """Yield what all spellings of the task have in common if a word is the Makefile's target of a dataflow."""
    for before in map(key, makefile.DATAFLOW):
        if key(word).startswith(before):
            yield f"dataflow:{key(word).removeprefix(before)}"


def matching(pattern: str, names: Collection[str]) -> tuple[str, ...]:
    """Return the names that a pattern with `*` matches, hyphens or underscores aside.

    Args:
        pattern: What was typed.
        names: Names of all tasks.
    """
    either = _SETS_AND_DASHES.sub(lambda found: found[0] if found[0].startswith("[") else _EITHER, pattern)
    matches = re.compile(translate(either)).match
    return tuple(name for name in names if matches(name))


def replaced(word: str) -> str:
    """Return why a target of the Makefile has nothing to do here; empty if the word is no such target."""
    return _REPLACED.get(key(word), "")


_TARGETS = {key(target): names for target, names in makefile.TARGETS.items()}
_REPLACED = {key(target): why for target, why in makefile.REPLACED.items()}
