"""Answers that take long to find, kept in a file until what they were found from has changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tasks.engines.files import atomic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def answer(file: Path, stamp: Any, ask: Callable[[], Any]) -> Any:
    """Return the answer that a file keeps under this very stamp, or ask and keep what is found.

    Args:
        file: Where it is kept; one that is absent or was cut short is written anew.
        stamp: What changes whenever the answer may, as JSON holds it (lists, not tuples).
        ask: Finds the answer, as JSON holds it; whatever it raises goes through.
    """
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        if held["stamp"] == stamp:
            return held["answer"]
    except (OSError, ValueError, KeyError):
        pass  # asked for the first time, or the answer was cut short
    found = ask()
    atomic.write(file, json.dumps({"stamp": stamp, "answer": found}))
    return found
