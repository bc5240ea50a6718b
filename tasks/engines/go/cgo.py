"""Go programs that link C libraries, compiled in a container of the base image they will run on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.docker import containers
from tasks.engines.go import memory, modules
from tasks.engines.go import toolchain as go_toolchain

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.go.settings import GoSettings
    from tasks.settings.artifacts import Program


@dataclass(frozen=True)
class CSource:
    """A source tree whose programs link C libraries.

    Attributes:
        folder: Folder of its go.mod.
        programs: What is compiled; packages are named as in `go build` there.
    """

    folder: Path
    programs: tuple[Program, ...]


def build(source: CSource, compiler: str, output: Path, settings: GoSettings) -> None:
    """Compile the programs of a source tree, all at once.

    Args:
        source: The source tree.
        compiler: Image whose entrypoint compiles, such as the one of kind/controller-cgo.
        output: Folder for `bin/` with the programs and `lib/` with the libraries that the base image lacks.
        settings: Which Go compiles, and where its caches are.

    Raises:
        Problem: One does not compile; the details hold the compiler's output.
    """
    toolchain = modules.fetch_modules(source.folder, settings)
    # The packages that do not depend on C are the same as those of all other programs.
    cache = go_toolchain.build_cache(settings)
    for folder in (output, cache):
        folder.mkdir(parents=True, exist_ok=True)
    progress.step(f"compiling {', '.join(program.name for program in source.programs)} with C libraries")
    mounts = {
        source.folder: "/source:ro",
        toolchain.root: "/go:ro",
        toolchain.modules: "/modules:ro",
        cache: "/cache",
        output: "/output",
    }
    words = [word for program in source.programs for word in (program.package, program.name)]
    user = f"{os.getuid()}:{os.getgid()}"
    containers.run(compiler, words, containers.Surroundings(user, mounts, memory.variables()))
