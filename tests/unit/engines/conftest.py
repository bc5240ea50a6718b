"""Engines are tested with the module proxy as it is."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def proxy() -> None:
    """Replace the proxy that the tests of the flats have."""
