"""What a stale image says of itself: the inputs that changed, old and new."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import images
from tasks.images import node_images
from tasks.lack import NOTHING, Lack, absent
from tasks.settings import images as table
from tasks.settings import parameters, paths

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


def label() -> dict[str, str]:
    """Return the labels that a build gives its image."""
    made_of = node_images.recipe(table.named(NAME), parameters.current()).made_of
    return {table.INPUTS_LABEL: made_of.digest, table.PARTS_LABEL: json.dumps(dict(made_of.parts))}


def why(name: str) -> tuple[str, ...]:
    found = node_images.lack(name)
    assert found == Lack(found.reasons, remakes=True)
    return found.reasons


def test_a_changed_parameter_is_named_with_old_and_new(
    engine: dict[str, images.ImageFacts], choose: Callable[..., None]
) -> None:
    engine[f"{NAME}:22.04.5"] = images.ImageFacts("sha256:1", label())
    assert node_images.lack(NAME) == NOTHING
    choose(CRIO_PKG_VERSION="1.31.1-1.1")
    assert why(NAME) == ("CRIO_PKG_VERSION: 1.31.0-1.1 -> 1.31.1-1.1",)


def test_another_parent_is_named(engine: dict[str, images.ImageFacts], monkeypatch: pytest.MonkeyPatch) -> None:
    engine[f"{NAME}:22.04.5"] = images.ImageFacts("sha256:1", label())
    monkeypatch.setattr(images, "require", lambda _tag: images.ImageFacts("sha256:abcdef0123456789"))
    assert why(NAME) == ("parent image: 000000000000 -> abcdef012345",)


def test_an_image_of_before_the_label_says_only_that_it_differs(engine: dict[str, images.ImageFacts]) -> None:
    engine[f"{NAME}:22.04.5"] = images.ImageFacts("sha256:1", {table.INPUTS_LABEL: "0"})
    assert why(NAME) == (f"image {NAME}:22.04.5: something else -> other inputs",)


def test_an_image_that_is_gone_is_absent(engine: dict[str, images.ImageFacts]) -> None:
    assert node_images.lack(NAME) == absent(f"image {NAME}:22.04.5")


@pytest.mark.usefixtures("engine")
def test_the_label_is_readable() -> None:
    parts = json.loads(label()[table.PARTS_LABEL])
    assert f"kind/{NAME}/Dockerfile" in parts
    assert parts["parent image"] == "0" * 12
