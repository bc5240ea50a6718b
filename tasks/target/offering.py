"""Stops before something is deployed in a cluster that does not offer what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks.problems import Problem
from tasks.settings import parameters
from tasks.target import choice

if TYPE_CHECKING:
    from tasks.lack import Lack


def lack(need: str) -> Lack:
    """Return what the cluster does not offer, as obstacles.

    Args:
        need: One of settings.checks.
    """
    return lacks.obstacle(*choice.of(parameters.current()).not_offered(need))


def require(need: str) -> None:
    """Stop if the cluster does not offer something.

    Args:
        need: One of settings.checks.

    Raises:
        Problem: One line for each thing that it does not offer.
    """
    there = choice.of(parameters.current())
    missing = there.not_offered(need)
    if missing:
        raise Problem("\n".join(f"{there.title}: {line}" for line in missing), hint="README.md, Several servers")
