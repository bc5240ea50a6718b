"""What the tests of dataflows share."""

from __future__ import annotations

from tests.unit.kube_api import kube_api  # noqa: F401 - a fixture of these tests
