"""A Kubernetes API for the tests of what the overview shows of a cluster."""

from __future__ import annotations

from tests.unit.kube_api import kube_api  # noqa: F401 - a fixture
