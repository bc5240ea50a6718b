"""What a check found, and how that is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.settings.checks import FAILED, OK

if TYPE_CHECKING:
    from tasks.doctor.server import Server
    from tasks.settings.parameters.model import Parameters


@dataclass(frozen=True)
class Finding:
    """What a look found.

    Attributes:
        state: OK, FAILED, or UNKNOWN if it could not be seen.
        found: What is there.
        needed: What has to be there.
        cure: The exact command for what was found; if it is empty, the check's own cure holds.
    """

    state: str
    found: str
    needed: str
    cure: str = ""


# A function that reads facts of the machine and touches nothing.
Look = Callable[["Server", "Parameters"], Finding]


def judged(good: bool, found: str, needed: str, cure: str = "") -> Finding:
    """Return a finding that is OK or FAILED; only a failed one needs a cure."""
    return Finding(OK if good else FAILED, found, needed, "" if good else cure)


def not_asked_for(parameter: str, value: str) -> Finding:
    """Return the finding for a check that a parameter makes irrelevant."""
    return Finding(OK, f"{parameter}={value}", "nothing then")
