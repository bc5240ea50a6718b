"""The machine of the tests of the GPU."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import pytest

from tests.unit.gpu.server import Machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def boot(checkout: Path, act_as: Callable[[int], None]) -> Callable[[dict[str, list[str]]], Machine]:
    """A function that creates the machine, on which root keeps the ledgers."""
    act_as(0)
    return functools.partial(Machine, checkout / "machine")
