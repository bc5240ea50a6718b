"""A checkout of its own for tests of actions: build/ and src/ in a temporary folder, the parameters of the lab."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.actions import controller_source
from tasks.engines import module_proxy
from tasks.settings import artifacts, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


REFUSED = "github.com/cri-o/cri-o@v1.31.0: 403 Forbidden"


@pytest.fixture(autouse=True)
def proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module proxy that has everything but CRI-O, so that NODE_RUNTIME=auto means containerd."""

    def refusal(artifact: artifacts.GoArtifact) -> str:
        return REFUSED if artifact is artifacts.CRIO else ""

    monkeypatch.setattr(module_proxy, "refusal", refusal)
    monkeypatch.setattr(module_proxy, "known", refusal)


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that sets parameters by name, over those of the lab."""

    def choose(**values: str) -> None:
        chosen = parameters.validated(parameters.read(paths.ROOT, {"PROFILE": "lab", **values}))
        monkeypatch.setattr(parameters, "current", lambda: chosen)

    return choose


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]) -> Iterator[Path]:
    """A checkout whose source of the controller is a copy of the sample."""
    choose(CONTROLLER="auto")
    for name, place in {"BUILD": "build", "RENDERED": "build/rendered", "SRC": "src"}.items():
        monkeypatch.setattr(paths, name, tmp_path / place)
    sample = tmp_path / "src/sample-controller"
    shutil.copytree(paths.ROOT / "src/sample-controller", sample, symlinks=True)
    monkeypatch.setattr(controller_source, "SAMPLE", sample)
    monkeypatch.setattr(controller_source, "SOURCE", tmp_path / "build/controller")
    monkeypatch.setattr(controller_source, "MARK", tmp_path / "build/controller.json")
    controller_source.facts.cache_clear()
    yield tmp_path
    controller_source.facts.cache_clear()
