"""Answers that take long to find, kept in a file until what they depend on changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tasks.engines.files import atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def answer(file: Path, stamp: Any, ask: Callable[[], Any]) -> Any:
    """Return the answer kept in a file if its stamp is the same; otherwise, find it and keep it.

    Args:
        file: Where it is kept; a file that is absent or cut short is written again.
        stamp: A JSON value (lists, not tuples) that changes whenever the answer may change.
        ask: Finds the answer, a JSON value; its exceptions are passed on.
    """
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        if held["stamp"] == stamp:
            return held["answer"]
    except (OSError, ValueError, KeyError):
        pass  # nothing is kept yet, or the file was cut short
    found = ask()
    atomic.write(file, json.dumps({"stamp": stamp, "answer": found}))
    return found
