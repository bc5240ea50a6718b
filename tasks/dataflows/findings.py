"""What the checks of log lines and of commands found: kept as JSON after each, and said in a line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.archive import facts
from tasks.dataflows import results, stand_ins
from tasks.engines.kube import api

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.dataflows.flow import Flow

_LAST_LINES = 15


@dataclass
class Findings:
    """What was found in one verification.

    Attributes:
        flow: The dataflow.
        kept: What each check found, in order.
    """

    flow: Flow
    kept: list[dict[str, Any]] = field(default_factory=list)

    def keep(self, kind: str, found: dict[str, Any]) -> Path:
        """Keep what a check found, whether that is right or wrong, and return the file.

        Args:
            kind: The kind of check.
            found: What it asked for, what it found, and whether that is right (`ok`).

        Raises:
            Problem: It cannot be written.
        """
        self.kept.append({"check": kind, **found})
        record = {
            "dataflow": self.flow.name,
            "checks": self.kept,
            "cluster": self.flow.place,
            "stand_ins": self.flow.stood_in,
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }
        return results.of(self.flow.pattern.name).keep_checks(record)

    def say(self, phrase: str, path: Path) -> None:
        """Say what was found, on what it stands, and where it is kept.

        Args:
            phrase: What was found.
            path: The file.
        """
        progress.line(f"{phrase}; {stand_ins.phrase(self.flow.stood_in)}; kept in {facts.shown(path)}")


def last_lines(key: str, text: str) -> str:
    """Return the last lines of what a function printed, as evidence.

    Args:
        key: Key of the function.
        text: What it printed.
    """
    lines = text.splitlines()[-_LAST_LINES:]
    return "\n".join(f"  {key} | {api.shortened(line)}" for line in lines) or f"  {key} printed nothing"


def in_a_line(text: str) -> str:
    """Return a text for a line of the result: without line ends and tabs, shortened if it is too long to read."""
    return api.shortened(" ".join(text.split()))
