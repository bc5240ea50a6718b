"""What unit tests share: a checkout of its own, the parameters of the lab, and what actions say."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tasks import progress
from tasks.archive import facts, source
from tasks.engines.go import proxy as go_proxy
from tasks.settings import artifacts, parameters, paths
from tasks.settings.parameters import layers
from tests.unit.engine import engine  # noqa: F401 - a fixture of all unit tests
from tests.unit.programs import become, programs  # noqa: F401 - fixtures of all unit tests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters


REFUSED = "github.com/cri-o/cri-o@v1.31.0: 403 Forbidden"


class Lines:
    """A listener that keeps what actions say."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def step(self, text: str) -> None:
        pass

    def line(self, text: str) -> None:
        self.kept.append(text)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Return what actions say from here on."""
    lines = Lines()
    monkeypatch.setattr(progress, "_listener", lines)
    return lines


class Proxy(dict[str, str | None]):
    """What the module proxy refuses, by artifact, in its words: None where it was not asked yet. It has all others.

    Attributes:
        asked: The artifacts that it was asked for.
    """

    def __init__(self, refusals: Mapping[str, str | None]) -> None:
        super().__init__(refusals)
        self.asked: list[str] = []

    def refusal(self, artifact: artifacts.GoArtifact, _settings: Parameters, _base: str = "") -> str:
        self.asked.append(artifact.name)
        return self.get(artifact.name) or ""

    def known(self, artifact: artifacts.GoArtifact, _settings: Parameters, _base: str = "") -> str | None:
        return self.get(artifact.name, "")


@pytest.fixture(autouse=True)
def proxy(monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """A module proxy that has everything but CRI-O, so that NODE_RUNTIME=auto means containerd."""
    made = Proxy({artifacts.CRIO.name: REFUSED})
    monkeypatch.setattr(go_proxy, "refusal", made.refusal)
    monkeypatch.setattr(go_proxy, "known", made.known)
    return made


def lab(**values: str) -> Parameters:
    """Return the parameters of the lab, with some of other values."""
    return parameters.validated(layers.read(paths.ROOT, {"PROFILE": "lab", **values}))


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that sets parameters by name, over those of the lab."""

    def choose(**values: str) -> None:
        chosen = lab(**values)
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
    monkeypatch.setattr(source, "SAMPLE", sample)
    monkeypatch.setattr(facts, "SOURCE", tmp_path / "build/controller")
    monkeypatch.setattr(source, "MARK", tmp_path / "build/controller.json")
    facts.facts.cache_clear()
    yield tmp_path
    facts.facts.cache_clear()
