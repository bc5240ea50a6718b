"""What unit tests share: a separate checkout, parameters, the acting user, and the messages of actions."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks import progress
from tasks.archive import facts
from tasks.engines.go import proxy as go_proxy
from tasks.settings import artifacts, gpu, nics, parameters, paths, registry
from tasks.settings.parameters import layers
from tests.unit.engine import engine  # noqa: F401 - a fixture of all unit tests
from tests.unit.programs import programs  # noqa: F401 - a fixture of all unit tests
from tests.unit.users import powerless  # noqa: F401 - a fixture of all unit tests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from tasks.settings.parameters.model import Parameters


REFUSED = "github.com/cri-o/cri-o@v1.31.0: 403 Forbidden"

_REPOSITORY = paths.ROOT
_PLACES = {name: place for name, place in vars(paths).items() if isinstance(place, Path)}
# The parts of a checkout under git that tasks read.
_SOURCES = {"ROOT": "", "ENV": "env", "KIND": "kind", "MANIFEST": "manifest", "PATTERNS": "manifest/patterns"}
# What is written on a machine, whatever the checkout.
_MACHINE = {
    (nics, "LEDGERS"): "ledgers/nics",
    (nics, "UDEV_RULES"): "rules.d",
    (gpu, "LEDGERS"): "ledgers/gpu",
    (registry, "DOCKER_TRUST"): "certs.d",
}


class Lines:
    """A listener that keeps the messages of actions."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def step(self, text: str) -> None:
        pass

    def line(self, text: str) -> None:
        self.kept.append(text)


@pytest.fixture
def said() -> Iterator[Lines]:
    """The messages of actions from now on."""
    lines = Lines()
    restore = progress.listen(lines)
    yield lines
    restore()


class Proxy(dict[str, str | None]):
    """The module proxy's refusals by artifact, None if it has not been asked yet. It has all other artifacts.

    Attributes:
        asked: The artifacts for which it was asked.
    """

    def __init__(self, refusals: Mapping[str, str | None]) -> None:
        super().__init__(refusals)
        self.asked: list[str] = []

    def refusal(self, artifact: artifacts.GoArtifact, _settings: Parameters, _base: str = "") -> str:
        self.asked.append(artifact.name)
        return self.get(artifact.name) or ""

    def known(self, artifact: artifacts.GoArtifact, _settings: Parameters, _base: str = "") -> str | None:
        return self.get(artifact.name, "")

    def last(self, artifact: artifacts.GoArtifact, _settings: Parameters, _base: str = "") -> str:
        return self.get(artifact.name) or ""


@pytest.fixture(autouse=True)
def proxy(monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """A module proxy that has everything but CRI-O, so that NODE_RUNTIME=auto means containerd."""
    made = Proxy({artifacts.CRIO.name: REFUSED})
    for name in ("refusal", "known", "last"):
        monkeypatch.setattr(go_proxy, name, getattr(made, name))
    return made


# A test that is about a stand-in chooses it.
_LAB = {"PROFILE": "lab", "EMULATE": "", "CONTROLLER_HARDWARE": ""}


def lab(**values: str) -> Parameters:
    """Return the parameters of the lab, without stand-ins, and some with other values."""
    return parameters.validated(layers.read(_REPOSITORY, {**_LAB, **values}))


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """A function that sets parameters in the environment, by name; all others are the lab's, without stand-ins."""
    names = [declaration.name for declaration in layers.read(_REPOSITORY, {}).declarations]

    def choose(**values: str) -> None:
        for name in names:
            monkeypatch.delenv(name, raising=False)
        for name, value in {**_LAB, **values}.items():
            monkeypatch.setenv(name, value)
        _forget_parameters()
        parameters.current()

    yield choose
    _forget_parameters()


def _forget_parameters() -> None:
    parameters.current.cache_clear()
    parameters._layers.cache_clear()


@pytest.fixture
def act_as(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A function that makes this process appear to run as another user, by number, without changing its rights."""
    return lambda user: monkeypatch.setattr(os, "geteuid", lambda: user)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout, on a machine where nothing is lent.

    The folders under git that tasks read (`env`, `kind`, `manifest`) are this repository's; `clone` has copies.
    """
    made = {(paths, name): place for name, place in _PLACES.items() if name not in _SOURCES}
    moved = {key: place.relative_to(_REPOSITORY) for key, place in made.items()}
    _move({**moved, **_MACHINE}, tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def clone(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with copies of the folders under git that tasks read."""
    for folder in ("env", "kind", "manifest"):
        shutil.copytree(_REPOSITORY / folder, checkout / folder, symlinks=True)
    _move({(paths, name): place for name, place in _SOURCES.items()}, checkout, monkeypatch)
    return checkout


def _move(places: Mapping[tuple[ModuleType, str], str | Path], root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for (module, name), place in places.items():
        monkeypatch.setattr(module, name, root / place)


@pytest.fixture
def tree(checkout: Path, choose: Callable[..., None]) -> Iterator[Path]:
    """A checkout in which the controller's source is a copy of the sample."""
    choose(CONTROLLER="auto")
    shutil.copytree(_REPOSITORY / paths.SAMPLE.relative_to(checkout), paths.SAMPLE, symlinks=True)
    facts.facts.cache_clear()
    yield checkout
    facts.facts.cache_clear()
