"""Go programs that link C libraries, compiled in a container of the base image they will run on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.docker import containers
from tasks.engines.go import modules
from tasks.settings import parameters

if TYPE_CHECKING:
    from pathlib import Path


def build_tree(compiler: str, source: Path, package: str, program: str, output: Path) -> None:
    """Compile one program of a source tree that links C libraries.

    Args:
        compiler: Image whose entrypoint compiles, such as that of kind/controller-cgo.
        source: Folder of its go.mod.
        package: What is compiled, relative to `source`.
        program: File name of the program.
        output: Folder that gets `bin/` with the program and `lib/` with the libraries that the base lacks.

    Raises:
        Problem: It does not compile; the details carry the compiler's words.
    """
    toolchain = modules.fetch_modules(source)
    cache = parameters.current().cache_dir / "go" / "build-cgo"
    for folder in (output, cache):
        folder.mkdir(parents=True, exist_ok=True)
    progress.step(f"compiling {program} with its C libraries")
    containers.run(
        compiler,
        [package, program],
        mounts={
            source: "/source:ro",
            toolchain.root: "/go:ro",
            toolchain.modules: "/modules:ro",
            cache: "/cache",
            output: "/output",
        },
        user=f"{os.getuid()}:{os.getgid()}",
    )
