"""What this installation stands in for, so that it can be said wherever a result is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.settings import emulation
from tasks.settings.checks import GPU, NICS

if TYPE_CHECKING:
    from tasks.settings.parameters.model import Parameters
    from tasks.settings.patterns import Pattern

_WORDS = {NICS: (emulation.SRIOV, "cards"), GPU: (emulation.GPU, "GPU")}


def stand_ins(pattern: Pattern, chosen: Parameters) -> tuple[str, ...]:
    """Return what is stood in for when a pattern is verified here, one word each.

    Args:
        pattern: The pattern.
        chosen: The parameters.
    """
    needed = (_WORDS[need] for need in pattern.needs if need in _WORDS)
    return tuple(word for kind, word in needed if kind in chosen.emulate)
