"""tasks.engines.docker.images: facts about images, and the message if one is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import images
from tasks.problems import Problem
from tests.unit.engine import Image

if TYPE_CHECKING:
    from tests.unit.engine import Engine


def test_an_image_is_found_by_tag_and_by_id(engine: Engine) -> None:
    engine.images["a:1"] = Image({"made": "here"}, "sha256:1")
    assert images.find("a:1") == images.find("sha256:1") == images.ImageFacts("sha256:1", {"made": "here"})
    assert images.find("a:2") is None
    assert images.tags() == ["a:1"]


def test_an_image_has_the_same_content_whatever_id_its_store_gives_it(engine: Engine) -> None:
    engine.images["a:1"] = Image(id="sha256:1", layers=("sha256:8", "sha256:9"), config={"Env": ["A=1"], "Image": "x"})
    before = images.content("a:1")
    engine.images["a:1"] = Image({"k": "v"}, "sha256:2", ("sha256:8", "sha256:9"), {"Env": ["A=1"], "User": ""})
    assert images.content("a:1") == before
    for layers, start in (
        (("sha256:9", "sha256:8"), {"Env": ["A=1"]}),
        (("sha256:8", "sha256:9"), {"Env": ["A=2"]}),
    ):
        engine.images["a:1"] = Image(layers=layers, config=start)
        assert images.content("a:1") != before


def test_an_image_that_has_to_be_there_is_one_line(engine: Engine) -> None:
    with pytest.raises(Problem, match=rf"^image a:1: not in the Docker engine at {engine.url}") as caught:
        images.require("a:1")
    assert caught.value.hint == "./doit images"


def test_an_image_is_pushed_under_its_name_in_the_registry(engine: Engine) -> None:
    engine.images["a:1"] = Image()
    digest = images.push("a:1", "registry:5000/images/a:2", anonymous=True)
    assert digest.startswith("sha256:")
    assert engine.requests == ["POST /images/a:1/tag", "POST /images/registry:5000/images/a/push"]
    assert set(engine.images) == {"a:1", "registry:5000/images/a:2"}


def test_a_registry_that_refuses_is_one_line(engine: Engine) -> None:
    engine.images["a:1"] = Image()
    engine.refusals["POST /images/registry:5000/a/push"] = (500, "denied")
    with pytest.raises(Problem, match=r"image registry:5000/a:1: push failed: .*denied"):
        images.push("a:1", "registry:5000/a:1", anonymous=True)


def test_a_tag_that_is_not_there_is_removed_already(engine: Engine) -> None:
    engine.images["a:1"] = Image()
    images.remove("a:1")
    images.remove("a:1")
    assert not engine.images
