"""Go programs that link C libraries, compiled in a container of the base image they will run on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.docker import containers
from tasks.engines.go import modules

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.go.settings import GoSettings


@dataclass(frozen=True)
class CProgram:
    """A program of a source tree that links C libraries.

    Attributes:
        source: Folder of its go.mod.
        package: The package to compile, relative to `source`.
        name: File name of the program.
    """

    source: Path
    package: str
    name: str


def build_tree(program: CProgram, compiler: str, output: Path, settings: GoSettings) -> None:
    """Compile one program.

    Args:
        program: The program.
        compiler: Image whose entrypoint compiles, such as the one of kind/controller-cgo.
        output: Folder for `bin/` with the program and `lib/` with the libraries that the base image lacks.
        settings: Which Go compiles, and where its caches are.

    Raises:
        Problem: It does not compile; the details hold the compiler's output.
    """
    toolchain = modules.fetch_modules(program.source, settings)
    cache = settings.cache_dir / "go" / "build-cgo"
    for folder in (output, cache):
        folder.mkdir(parents=True, exist_ok=True)
    progress.step(f"compiling {program.name} with its C libraries")
    containers.run(
        compiler,
        [program.package, program.name],
        mounts={
            program.source: "/source:ro",
            toolchain.root: "/go:ro",
            toolchain.modules: "/modules:ro",
            cache: "/cache",
            output: "/output",
        },
        user=f"{os.getuid()}:{os.getgid()}",
    )
