"""tasks.images.base: what identifies the image that all others start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.host import rootfs
from tasks.images import base
from tasks.lack import NOTHING
from tasks.settings import artifacts, images, parameters
from tests.unit.engine import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.engine import Engine


def test_a_base_that_is_pulled_is_its_name(choose: Callable[..., None]) -> None:
    choose(BASE_FROM="registry", UBUNTU_IMAGE_NAME="docker.io/library/ubuntu:22.04")
    assert base.identity(parameters.current()) == "docker.io/library/ubuntu:22.04"
    assert base.lack() == NOTHING


def test_one_that_is_bootstrapped_is_what_the_mirrors_hold(
    choose: Callable[..., None], mirror: Callable[[str], None], tmp_path: Path
) -> None:
    choose()
    found = base.identity(parameters.current())
    assert found == rootfs.digest(tmp_path / "cache")
    choose(CACHE_DIR=str(tmp_path / "same"))
    assert base.identity(parameters.current()) == found
    mirror("another.example")
    choose(CACHE_DIR=str(tmp_path / "other"))
    assert base.identity(parameters.current()) != found


@pytest.mark.usefixtures("mirror")
def test_it_counts_for_programs_that_link_its_libraries(choose: Callable[..., None]) -> None:
    choose()
    assert base.linked(artifacts.CRIO, parameters.current()) == base.identity(parameters.current())
    assert base.linked(artifacts.KIND, parameters.current()) == ""


def test_an_image_of_other_mirrors_is_stale(
    choose: Callable[..., None], mirror: Callable[[str], None], engine: Engine, tmp_path: Path
) -> None:
    choose()
    tag = images.tag(images.BASE, parameters.current())
    engine.images[tag] = Image({images.INPUTS_LABEL: base.identity(parameters.current())})
    assert base.lack() == NOTHING
    mirror("another.example")
    choose(CACHE_DIR=str(tmp_path / "other"))
    assert base.lack().remakes
