"""Shared fixtures of the docker tier."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tasks.docker_engine import service
from tasks.engines.go import modules
from tasks.engines.programs import shell
from tasks.settings import artifacts, parameters
from tests.docker.chain import chain  # noqa: F401 - a fixture
from tests.docker.harbor import harbor, image  # noqa: F401 - fixtures
from tests.docker.private_engine import STOP, PrivateEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def supplies() -> None:
    """Prepare the parts of an embedded engine and its registry: its own namespace reaches no mirror and no proxy."""
    service.install()
    for artifact in (artifacts.REGISTRY, artifacts.CA_SERVER):
        modules.program(artifact, artifact.programs[0].name, parameters.current())


@pytest.fixture
def private(supplies: None, tmp_path: Path) -> Iterator[PrivateEngine]:
    if os.geteuid() != 0:
        pytest.skip("an embedded engine needs root")
    made = PrivateEngine(tmp_path / "cache")
    shell.run(["ip", "netns", "add", made.namespace])
    made.inside("ip", "link", "set", "lo", "up")
    yield made
    made.python(STOP)
    shell.run(["ip", "netns", "delete", made.namespace])
