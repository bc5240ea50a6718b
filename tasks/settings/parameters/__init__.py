"""The parameters of a run: which value is in effect, where it was given, and what it means.

    env/defaults.env < env/$PROFILE.env < env/target/$TARGET.env < .env < process environment        (later wins)

`current()` is for actions and checks. Nothing here is read while the graph loads. Each module uses those above it:

layers   the table, the files and the environment, and which of them gives a value
types    the types of single values
model    the typed parameters
rules    what values have to fit each other; target_rules for an existing cluster
check    makes the model from the layers, or says in one line each what is wrong
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from tasks.problems import Problem
from tasks.settings import paths
from tasks.settings.parameters import layers as sources

if TYPE_CHECKING:
    from tasks.settings.parameters.layers import Layers
    from tasks.settings.parameters.model import Parameters


@cache
def current() -> Parameters:
    """Return the parameters of this process, validated.

    Raises:
        Problem: One line per wrong parameter: `file:line: NAME: reason`.
    """
    return validated(_layers())


def origin(name: str) -> str:
    """Return where the value of a parameter was given: `file:line`, or `environment`.

    Args:
        name: Name as in the table, such as POD_SUBNET.
    """
    return _layers().settings[name].origin


def ineffective(layers: Layers | None = None) -> list[str]:
    """Return one line for each name in a file that has no effect there.

    Args:
        layers: What the sources say; None for the sources of this process.
    """
    from tasks.settings.parameters import check

    return check.ineffective(layers or _layers())


def values() -> dict[str, str]:
    """Return the value in effect for each name of the table, as it was given."""
    return _layers().values()


@cache
def _layers() -> Layers:
    return sources.read(paths.ROOT, os.environ)


def validated(layers: Layers) -> Parameters:
    """Return the typed parameters.

    Args:
        layers: What the sources say.

    Raises:
        Problem: One line per wrong parameter: `file:line: NAME: reason`.
    """
    from tasks.settings.parameters import check

    parameters, complaints = check.check(layers)
    if parameters is None:
        raise Problem("\n".join(complaints), hint="./doit parameters")
    return parameters
