"""tasks.images.building: the labels of a built image, and the old and new inputs that a stale one reports."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.images import building, node_images
from tasks.images.recipe import Definition, Recipe
from tasks.lack import NOTHING, Lack, absent
from tasks.settings import paths
from tasks.settings.images import INPUTS_LABEL, PARTS_LABEL
from tests.unit.engine import Image
from tests.unit.images.node_chain import NODE, inputs, tag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.unit.images.conftest import Docker

NAME = "kind-ubuntu-node-crio"


def put(context: Path) -> None:
    (context / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")


def recipe(digest: str = "1", parts: Mapping[str, str] | None = None) -> Recipe:
    return Recipe("image:1", "scratch", (put,), lambda: Definition(digest, parts or {}))


@pytest.fixture
def built(chain: dict[str, Image], docker: Docker, choose: Callable[..., None]) -> Image:
    """An up-to-date image of the distribution's packages."""
    choose(CRIO_FROM="packages")
    node_images.build(NAME)
    assert docker.built == [tag(NAME)]
    return chain[tag(NAME)]


def why() -> tuple[str, ...]:
    found = node_images.lack(NAME)
    assert found == Lack(found.reasons, remakes=True)
    return found.reasons


@pytest.mark.usefixtures("clone")
def test_a_build_labels_its_image_with_digest_and_parts(docker: Docker) -> None:
    building.build(recipe("1", {"PORT": "80", "kind/Dockerfile": 'a "b"'}))
    assert docker.engine.images["image:1"].labels == {
        INPUTS_LABEL: "1",
        PARTS_LABEL: '{"PORT": "80", "kind/Dockerfile": "a \\"b\\""}',
    }


@pytest.mark.usefixtures("clone")
def test_an_image_without_parts_carries_its_digest_alone(docker: Docker) -> None:
    assert building.ensure_image(recipe("2")) == "image:1"
    assert docker.engine.images["image:1"].labels == {INPUTS_LABEL: "2"}


@pytest.mark.usefixtures("clone")
def test_an_image_that_is_as_wanted_is_not_built_again_unless_that_is_asked(docker: Docker) -> None:
    building.ensure_image(recipe("1"))
    building.ensure_image(recipe("1"))
    assert docker.built == ["image:1"]
    building.ensure_image(recipe("2"))
    building.build(recipe("2"))
    assert docker.built == ["image:1"] * 3


def test_an_image_of_another_version_is_not_built_again_for_modules_that_were_only_removed(
    built: Image, docker: Docker, choose: Callable[..., None]
) -> None:
    del built
    choose(CRIO_FROM="packages", ETCD_VERSION="v3.5.16")
    assert "programs of etcd: " in why()[0]
    assert why()[0].endswith("-> v3.5.16, whose modules are not resolved yet")
    node_images.build(NAME)
    assert docker.built == [tag(NAME)] * 2
    assert node_images.lack(NAME) == NOTHING
    shutil.rmtree(paths.BUILD / "go")
    assert why()
    node_images.build(NAME)
    assert docker.built == [tag(NAME)] * 2
    assert node_images.lack(NAME) == NOTHING


@pytest.mark.usefixtures("built")
def test_a_changed_parameter_is_named_with_old_and_new(choose: Callable[..., None]) -> None:
    assert node_images.lack(NAME) == NOTHING
    choose(CRIO_FROM="packages", CRIO_PKG_VERSION="1.31.1-1.1")
    assert why() == ("CRIO_PKG_VERSION: 1.31.0-1.1 -> 1.31.1-1.1",)


def test_another_parent_is_named(built: Image, kind: Path) -> None:
    before = inputs(NODE)[:12]
    with (kind / "kind-ubuntu/Dockerfile").open("a", encoding="utf-8") as file:
        file.write("# another\n")
    assert why() == (f"parent image: {before} -> {inputs(NODE)[:12]}",)
    assert json.loads(built.labels[PARTS_LABEL])["parent image"] == before


@pytest.mark.usefixtures("built")
def test_an_image_in_another_engine_is_up_to_date_whatever_the_ids_of_its_parents_are_there(
    chain: dict[str, Image],
) -> None:
    for number, image in enumerate(chain.values(), 50):
        image.id = f"sha256:{number:064}"
    assert node_images.lack(NAME) == NOTHING


def test_the_label_is_readable(built: Image) -> None:
    parts = json.loads(built.labels[PARTS_LABEL])
    assert f"kind/{NAME}/Dockerfile" in parts
    assert parts["CRIO_PKG_VERSION"] == "1.31.0-1.1"


@pytest.mark.parametrize("label", [{INPUTS_LABEL: "0"}, {}], ids=["retagged", "unlabelled"])
def test_an_image_of_before_the_label_says_only_that_it_differs(
    chain: dict[str, Image], label: Mapping[str, str]
) -> None:
    chain[tag(NAME)] = Image(label)
    assert why() == (f"image {NAME}:22.04.5: something else -> other inputs",)


def test_an_image_that_is_gone_is_absent(chain: dict[str, Image]) -> None:
    del chain[tag(NAME)]
    assert node_images.lack(NAME) == absent(f"image {NAME}:22.04.5")
