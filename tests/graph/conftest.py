"""What all tests of the graph share: parameters that are read anew, since each test has an environment of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def parameters_of_this_test() -> Iterator[None]:
    """Read the parameters anew, and leave none to the tests that follow, whose cache and engine would be these."""
    _forget()
    yield
    _forget()


def _forget() -> None:
    parameters.current.cache_clear()
    parameters._layers.cache_clear()
