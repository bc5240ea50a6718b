"""The unpacked sample as tests of its images need it, and what an edit of it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.archive import source as archive_source
from tasks.engines.go import modules
from tasks.images import archive_images
from tasks.settings import parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.unit.images.conftest import Docker, Go

GO_DOCKERFILE = """FROM golang:1.23 as builder
WORKDIR /workspace
COPY CPUFunction/go.mod go.mod
COPY CPUFunction/api/ api/
COPY Shared/shared_types.go api/v1/
RUN CGO_ENABLED=0 go build -a -o manager cmd/main.go
FROM gcr.io/distroless/static:nonroot
COPY --from=builder /workspace/manager .
"""


@pytest.fixture
def source(tree: Path, go: Go, docker: Docker, mirror: Callable[[str], None]) -> Iterator[Path]:
    """The unpacked sample; its base comes from a mirror."""
    archive_images.inputs.cache_clear()
    archive_source.prepare()
    yield tree / "build/controller"
    archive_images.inputs.cache_clear()


def write(path: Path, text: str = "program") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def inputs(name: str) -> str:
    current = parameters.current()
    return archive_images.inputs(name, current, modules.version(current))


def all_inputs() -> dict[str, str]:
    archive_images.inputs.cache_clear()
    return {name: inputs(name) for name in filter(archive_images.is_in_source, archive_images.IMAGES)}


def changed(before: dict[str, str]) -> set[str]:
    after = all_inputs()
    return {name for name in before if before[name] != after[name]}


@pytest.fixture
def go_source(source: Path) -> Path:
    """The source with a component as the real archive has it: Go, with a link to another component's types."""
    write(source / "src/CPUFunction/Dockerfile", GO_DOCKERFILE)
    write(source / "src/CPUFunction/go.mod", "module CPUFunction")
    write(source / "src/Shared/shared_types.go", "package v1")
    write(source / "src/CPUFunction/api/v1/own_types.go", "package v1")
    (source / "src/CPUFunction/api/v1/shared_types.go").symlink_to("../../../Shared/shared_types.go")
    archive_images.inputs.cache_clear()
    return source
