"""Fixtures of the cluster tests: a build folder, a kind, and a machine without an engine."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import client
from tasks.settings import paths
from tests.unit.cluster.fakes import FakeKind
from tests.unit.kube_api import kube_api  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.engine import Engine


@pytest.fixture
def build(checkout: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> Path:
    """An empty build folder, with the user's kubeconfig and a cache beside it."""
    choose(CLUSTER_NAME="a", CACHE_DIR=str(checkout / "cache"), NODE_RUNTIME="containerd")
    monkeypatch.setenv("KUBECONFIG", str(checkout / "config"))
    paths.BUILD.mkdir()
    return paths.BUILD


@pytest.fixture
def kind(engine: Engine) -> FakeKind:
    """A stand-in for kind, which creates and removes clusters on the engine."""
    return FakeKind(engine)


@pytest.fixture
def no_engine(build: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The build folder; the docker command's current context names a socket that nobody listens on."""
    folder = Path(tempfile.mkdtemp(prefix="docker-"))
    context = folder / "contexts" / "meta" / hashlib.sha256(b"none").hexdigest() / "meta.json"
    context.parent.mkdir(parents=True)
    context.write_text(json.dumps({"Endpoints": {"docker": {"Host": f"unix://{folder}/docker.sock"}}}))
    (folder / "config.json").write_text(json.dumps({"currentContext": "none"}))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    client.forget()
    yield build
    shutil.rmtree(folder)
