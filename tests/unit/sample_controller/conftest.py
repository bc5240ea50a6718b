"""A started cluster in memory for the tests of the sample controller."""

from __future__ import annotations

import pytest

from tests.unit.sample_controller.sample_cluster import Cluster, started_cluster


@pytest.fixture
def cluster() -> Cluster:
    """A cluster with the inventory and the calcapp scenario applied, whose controllers have started."""
    return started_cluster()
