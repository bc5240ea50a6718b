"""The chain of node images on a real engine, with images small enough to build in a second."""

from __future__ import annotations

import os
import tarfile
import uuid
from typing import TYPE_CHECKING

import pytest

from tasks.docker_engine import service
from tasks.engines.docker import client, containers
from tasks.engines.docker import images as docker_images
from tasks.engines.host import rootfs
from tasks.images import base, node_images
from tasks.problems import Problem
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


def current(chain: Chain) -> list[bool]:
    return [not node_images.lack(image.name) for image in chain.images]


def test_what_was_built_is_current_and_is_not_built_again(chain: Chain) -> None:
    before = chain.ids()
    assert not base.lack()
    assert current(chain) == [True, True]
    chain.build_all()
    assert chain.ids() == before


def test_a_changed_file_rebuilds_the_image_and_its_descendants_only(chain: Chain) -> None:
    base, (lower, upper) = docker_images.require(chain.base).id, chain.ids()
    (chain.kind / chain.upper.name / "file").write_text("2", encoding="utf-8")
    assert current(chain) == [True, False]
    chain.build_all()
    assert chain.ids()[0] == lower
    assert chain.ids()[1] != upper

    (chain.kind / chain.lower.name / "file").write_text("2", encoding="utf-8")
    upper = chain.ids()[1]
    chain.build_all()
    assert docker_images.require(chain.base).id == base
    assert chain.ids()[0] != lower
    assert chain.ids()[1] != upper


def test_a_text_for_people_rebuilds_nothing(chain: Chain) -> None:
    (chain.kind / chain.lower.name / "README.md").write_text("words", encoding="utf-8")
    assert current(chain) == [True, True]


def test_an_image_holds_what_everybody_can_read_whatever_the_umask_is(chain: Chain) -> None:
    (chain.kind / chain.lower.name / "file").chmod(0o600)
    earlier = os.umask(0o077)
    try:
        node_images.build(chain.lower.name)
    finally:
        os.umask(earlier)
    api = client.client().api
    made = api.create_container(chain.tags()[0], ["/none"])["Id"]
    _, stat = api.get_archive(made, f"/{chain.lower.name}")
    containers.remove(made)
    assert stat["mode"] & 0o777 == 0o644
    assert not node_images.lack(chain.lower.name)


def test_an_image_removed_by_hand_is_put_back(chain: Chain) -> None:
    docker_images.remove(chain.tags()[1])
    assert current(chain) == [True, False]
    chain.build_all()
    assert current(chain) == [True, True]


def test_an_image_retagged_by_hand_is_noticed(chain: Chain) -> None:
    lower, upper = chain.tags()
    repository, _, tag = upper.rpartition(":")
    client.client().api.tag(lower, repository, tag)
    assert current(chain) == [True, False]
    chain.build_all()
    assert current(chain) == [True, True]


def test_a_base_replaced_by_hand_is_noticed(chain: Chain) -> None:
    repository, _, tag = chain.base.rpartition(":")
    client.client().api.tag(chain.tags()[0], repository, tag)
    assert base.lack()
    chain.build_all()
    assert not base.lack()
    assert current(chain) == [True, True]


def test_a_failed_step_is_one_line_with_its_output(chain: Chain) -> None:
    dockerfile = chain.kind / chain.upper.name / "Dockerfile"
    dockerfile.write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY missing /\n", encoding="utf-8")
    with pytest.raises(Problem, match="the build failed") as caught:
        node_images.build(chain.upper.name)
    assert "missing" in caught.value.details
