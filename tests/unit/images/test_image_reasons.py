"""What a stale image says of itself: the inputs that changed, old and new."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tasks import reasons
from tasks.engines.docker import images
from tasks.images import node_images
from tasks.settings import images as table
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "kind-ubuntu-node-crio"


@pytest.fixture
def engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]
) -> dict[str, images.ImageFacts]:
    """The images of an engine, by tag; every parent is there."""
    choose()
    monkeypatch.setattr(paths, "BUILD", tmp_path)
    found: dict[str, images.ImageFacts] = {}
    monkeypatch.setattr(images, "find", found.get)
    monkeypatch.setattr(images, "require", lambda tag: images.ImageFacts(f"sha256:{'0' * 50}{tag}"))
    return found


def label(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return the labels that a build gives its image."""
    labels: dict[str, str] = {}
    monkeypatch.setattr(node_images, "_assemble", lambda _image, context: context.mkdir(parents=True))
    monkeypatch.setattr(images, "build", lambda *_arguments, **options: labels.update(options["labels"]))
    node_images.build(NAME)
    return labels


def why(name: str) -> list[str]:
    with reasons.heard() as said:
        assert not node_images.is_current(name)
    return said.reasons


def test_a_changed_parameter_is_named_with_old_and_new(
    engine: dict[str, images.ImageFacts], monkeypatch: pytest.MonkeyPatch, choose: Callable[..., None]
) -> None:
    engine[f"{NAME}:22.04.5"] = images.ImageFacts("sha256:1", label(monkeypatch))
    assert node_images.is_current(NAME)
    choose(CRIO_PKG_VERSION="1.31.1-1.1")
    assert why(NAME) == ["CRIO_PKG_VERSION: 1.31.0-1.1 -> 1.31.1-1.1"]


def test_another_parent_is_named(engine: dict[str, images.ImageFacts], monkeypatch: pytest.MonkeyPatch) -> None:
    engine[f"{NAME}:22.04.5"] = images.ImageFacts("sha256:1", label(monkeypatch))
    monkeypatch.setattr(images, "require", lambda _tag: images.ImageFacts("sha256:abcdef0123456789"))
    assert why(NAME) == ["parent image: 000000000000 -> abcdef012345"]


def test_an_image_of_before_the_label_says_only_that_it_differs(engine: dict[str, images.ImageFacts]) -> None:
    engine[f"{NAME}:22.04.5"] = images.ImageFacts("sha256:1", {table.INPUTS_LABEL: "0"})
    assert why(NAME) == [f"image {NAME}:22.04.5: something else -> other inputs"]


def test_an_image_that_is_gone_is_absent(engine: dict[str, images.ImageFacts]) -> None:
    with reasons.heard() as said:
        assert not node_images.is_current(NAME)
    assert said.reasons == [f"image {NAME}:22.04.5: not there"]
    assert not said.remakes


def test_the_label_is_readable(engine: dict[str, images.ImageFacts], monkeypatch: pytest.MonkeyPatch) -> None:
    parts = json.loads(label(monkeypatch)[table.PARTS_LABEL])
    assert f"kind/{NAME}/Dockerfile" in parts
    assert parts["parent image"] == "0" * 12
