"""A Kubernetes API for the tests of clusters."""

from __future__ import annotations

from tests.unit.kube_api import kube_api  # noqa: F401 - a fixture
