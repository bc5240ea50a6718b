"""Fixtures of the add-on tests: an API server, and the manual's cluster on it."""

from __future__ import annotations

from tests.unit.addons.pools import manual  # noqa: F401 - a fixture
from tests.unit.kube_api import kube_api  # noqa: F401 - a fixture
