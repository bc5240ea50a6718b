"""What a dataflow's result stands on that is not the real thing: said wherever a result is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.archive import source
from tasks.problems import Problem
from tasks.settings import emulation, paths
from tasks.settings.checks import GPU, NICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.patterns.model import Pattern
    from tasks.settings.parameters.model import Parameters

CONTROLLER = "sample controller"
CARDS = "emulated cards"
GRAPHICS = "stand-in GPU"
# What is stood in for where EMULATE has a kind and a pattern has a need.
_KINDS = ((emulation.SRIOV, NICS, CARDS), (emulation.GPU, GPU, GRAPHICS))


def stand_ins(pattern: Pattern | None, chosen: Parameters) -> tuple[str, ...]:
    """Return what is stood in for where a pattern runs, one phrase each.

    Args:
        pattern: The pattern; None if it is gone: it may have needed everything then.
        chosen: The parameters.
    """
    needs = [need for _, need, _ in _KINDS] if pattern is None else pattern.needs
    emulated = (name for kind, need, name in _KINDS if kind in chosen.emulate and need in needs)
    return (*((CONTROLLER,) if _is_sample(chosen) else ()), *emulated)


def phrase(stood_in: Sequence[str]) -> str:
    """Return the words that are shown with a result."""
    return f"stand-ins: {', '.join(stood_in)}" if stood_in else "no stand-ins"


def _is_sample(chosen: Parameters) -> bool:
    try:
        return source.origin(chosen) == paths.SAMPLE
    except Problem:
        return False  # the archive has been taken away since: it was no sample
