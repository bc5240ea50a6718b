"""What there is at this moment: what dataflows run on, and what runs there."""

from __future__ import annotations

from tasks import progress
from tasks.settings import parameters
from tasks.target import choice


def show() -> None:
    """Show a line for each thing that this tool makes or uses; a missing one is no error."""
    rows = list(choice.of(parameters.current()).status())
    width = max(len(name) for name, _ in rows)
    for name, state in rows:
        progress.line(f"{name:<{width}}  {state}")
