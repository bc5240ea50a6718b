"""What happens to lent cards: one function each, run as root inside the virtual machine by its agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sriov.vm import clashes, interruptions, lending, power_cuts, refusals, routes, rules, users

if TYPE_CHECKING:
    from collections.abc import Callable

_MODULES = (lending, routes, interruptions, clashes, refusals, rules, users, power_cuts)


def named(name: str) -> Callable[[], None]:
    """Return a scenario.

    Raises:
        LookupError: There is no scenario of that name.
    """
    for module in _MODULES:
        if hasattr(module, name):
            scenario: Callable[[], None] = getattr(module, name)
            return scenario
    raise LookupError(f"no scenario is called {name}")
