"""A chain of node images that a real engine builds in a second."""

from __future__ import annotations

import tarfile
import uuid
from typing import TYPE_CHECKING

import pytest

from tasks.docker_engine import service
from tasks.engines.docker import images as docker_images
from tasks.engines.host import rootfs
from tasks.images import base, node_images
from tasks.settings import images as table
from tasks.settings import parameters, paths
from tasks.settings.images import NodeImage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DOCKERFILE = "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY file /%s\n"


class Chain:
    """A base and two images on top of it, with names of their own."""

    def __init__(self, prefix: str, kind: Path) -> None:
        self.base = f"{prefix}-base:test"
        self.lower = NodeImage(f"{prefix}-lower", "a file", table.BASE)
        self.upper = NodeImage(f"{prefix}-upper", "another file", self.lower.name)
        self.kind = kind
        for image in self.images:
            folder = kind / image.name
            folder.mkdir(parents=True)
            (folder / "Dockerfile").write_text(_DOCKERFILE % image.name, encoding="utf-8")
            (folder / "file").write_text("1", encoding="utf-8")

    @property
    def images(self) -> tuple[NodeImage, NodeImage]:
        return self.lower, self.upper

    def tags(self) -> list[str]:
        return [table.tag(image.name, parameters.current()) for image in self.images]

    def build_all(self) -> None:
        """Build like the graph: parents first, and only what is not current."""
        if base.lack():
            base.build()
        for image in self.images:
            if node_images.lack(image.name):
                node_images.build(image.name)

    def ids(self) -> list[str]:
        return [docker_images.require(tag).id for tag in self.tags()]


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    """Build a chain and yield it; remove it afterwards."""
    service.ensure()
    prefix = f"chain-{uuid.uuid4().hex[:8]}"
    made = Chain(prefix, tmp_path / "kind")
    chosen = parameters.current().model_copy(update={"ubuntu_image_name": made.base})
    monkeypatch.setattr(parameters, "current", lambda: chosen)
    monkeypatch.setattr(paths, "KIND", made.kind)
    monkeypatch.setattr(paths, "BUILD", tmp_path / "build")
    monkeypatch.setattr(table, "named", {image.name: image for image in made.images}.__getitem__)
    monkeypatch.setattr(rootfs, "digest", lambda _cache: prefix)
    monkeypatch.setattr(rootfs, "bootstrap", lambda _cache: _small_rootfs(tmp_path))
    made.build_all()
    yield made
    for tag in [*reversed(made.tags()), made.base]:
        docker_images.remove(tag)


def _small_rootfs(folder: Path) -> Path:
    (folder / "hello").write_text("hello", encoding="utf-8")
    with tarfile.open(folder / "rootfs.tar", "w") as tar:
        tar.add(folder / "hello", "hello")
    return folder / "rootfs.tar"
