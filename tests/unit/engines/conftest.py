"""The tests of the engines use the real code for the module proxy."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def proxy() -> None:
    """Override the proxy fixture of the other unit tests."""
