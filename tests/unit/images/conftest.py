"""What tests of images share: a Docker engine and command, a go command, and a checkout whose kind/ may be changed."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.engines.host import apt
from tasks.settings import images as table
from tasks.settings import parameters, paths
from tests.unit.engine import Image
from tests.unit.functions.conftest import write  # noqa: F401 - a fixture
from tests.unit.images.sources import go_source, source  # noqa: F401 - fixtures
from tests.unit.kube_api import kube_api  # noqa: F401 - a fixture
from tests.unit.registry.conftest import sites  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.unit.engine import Engine
    from tests.unit.programs import Programs

_GO = r"""
kept={folder}
case "$1" in
version)
    [ "$GOTOOLCHAIN" = local ] || [ ! -e "$kept/refused" ] || exit 1
    echo "go version go1.22.5 linux/amd64" ;;
env)
    case "$2" in -json) echo '{{}}' ;; GOROOT) printf '%s\n' "$kept" "$kept" ;; esac ;;
mod)
    [ "$2" != tidy ] || echo sums >go.sum
    [ "$3" != -json ] || printf '{{"Dir": "%s", "GoMod": "go.mod", "Version": "%s"}}' "$kept/module" "${{4##*@}}" ;;
build)
    [ ! -e "$kept/complaint" ] || {{ cat "$kept/complaint" >&2; exit 1; }}
    rm -rf "$kept/source"
    cp -a . "$kept/source"
    while [ "$1" != -o ]; do shift; done
    output=$2
    shift 2
    for package in "$@"; do
        [ "$package" != . ] || package=$PWD
        name=${{package%/v[0-9]}}
        case $output in */) program=$output${{name##*/}} ;; *) program=$output ;; esac
        mkdir -p "$(dirname "$program")"
        printf program >"$program"
        chmod +x "$program"
    done ;;
esac
"""


@dataclass(frozen=True)
class Go:
    """A go command that compiles nothing.

    Attributes:
        folder: Where it keeps what it was given.
    """

    folder: Path

    @property
    def source(self) -> Path:
        """A copy of the folder that was compiled last."""
        return self.folder / "source"

    @property
    def module(self) -> Path:
        """The source of every module."""
        return self.folder / "module"

    def complain(self, words: str) -> None:
        """Make it refuse to compile anything."""
        (self.folder / "complaint").write_text(f"{words}\n")

    def refuse_other_toolchains(self) -> None:
        """Make it refuse to fetch any Go but its own, which is 1.22.5."""
        (self.folder / "refused").touch()


@dataclass(frozen=True)
class Docker:
    """A docker command that runs nothing, and its engine.

    Attributes:
        engine: The engine, which has what was built.
        folder: What was built and compiled: contexts by tag, and the source that was compiled last.
        programs: The programs on PATH, of which it is one.
    """

    engine: Engine
    folder: Path
    programs: Programs

    @property
    def source(self) -> Path:
        """A copy of the folder that was compiled last in a container."""
        return self.folder / "source"

    @property
    def runs(self) -> list[list[str]]:
        """Image and arguments of each container that compiled something, in order."""
        return [_arguments(call) for call in self.programs.calls if call[:2] == ["docker", "run"]]

    @property
    def built(self) -> list[str]:
        """The tags that were built, in order."""
        return [call[call.index("--tag") + 1] for call in self.programs.calls if call[:3] == _BUILD]

    def context(self, tag: str) -> Path:
        """Return the context that an image was built from."""
        return self.folder / tag


_BUILD = ["docker", "buildx", "build"]


def _arguments(call: list[str]) -> list[str]:
    """Return what follows the options of `docker run`, the last of which has a value."""
    last = max(index for index, word in enumerate(call) if word.startswith("--"))
    return call[last + 2 :]


@pytest.fixture
def choose(choose: Callable[..., None], tmp_path: Path) -> Callable[..., None]:
    """A function that sets parameters by name, on top of the lab's parameters and a cache of its own."""
    return lambda **values: choose(**{"CACHE_DIR": str(tmp_path / "cache"), **values})


@pytest.fixture
def go(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Go:
    """The go command on PATH."""
    made = Go(tmp_path_factory.mktemp("go"))
    programs.write("go", _GO.format(folder=shlex.quote(str(made.folder))))
    return made


@pytest.fixture
def docker(programs: Programs, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Docker:
    """The docker command on PATH, and its engine."""
    made = Docker(engine, tmp_path_factory.mktemp("docker"), programs)
    words = (sys.executable, "-I", str(Path(__file__).with_name("docker_program.py")), str(made.folder))
    programs.write("docker", f'exec {shlex.join(words)} "$@"')
    return made


@pytest.fixture
def mirror(programs: Programs) -> Callable[[str], None]:
    """A function that sets apt's mirror, and so changes the base."""

    def mirror(name: str) -> None:
        programs.put("apt-get", f"deb http://{name} {apt.suite()} main\n")

    mirror("mirror.example")
    return mirror


@pytest.fixture
def kind(clone: Path, choose: Callable[..., None], go: Go, mirror: Callable[[str], None]) -> Path:
    """The kind/ of a checkout, which a test may change, on a machine with a go command and a mirror."""
    choose()
    return clone / "kind"


@pytest.fixture
def chain(kind: Path, engine: Engine) -> dict[str, Image]:
    """The images of an engine that has every node image, each with an id of its own."""
    names = [table.BASE, *(image.name for image in table.NODE_IMAGES)]
    tags = [table.tag(name, parameters.current()) for name in names]
    engine.images.update({tag: Image(id=f"sha256:{number:064}") for number, tag in enumerate(tags, 1)})
    return engine.images


@pytest.fixture
def drivers(clone: Path, choose: Callable[..., None]) -> Path:
    """The drivers' source in an unpacked archive, with the controller's parts for FPGAs asked for."""
    top = paths.CONTROLLER / "src/submodules/fpga-software"
    (top / "lib").mkdir(parents=True)
    (top / "lib/Makefile").write_text("DPDK_VERSION := 23.11.1\n", encoding="utf-8")
    choose(CONTROLLER_HARDWARE="gpu, fpga")
    return top


@pytest.fixture
def private_umask() -> Iterator[None]:
    """The umask of a careful user."""
    earlier = os.umask(0o077)
    yield
    os.umask(earlier)
