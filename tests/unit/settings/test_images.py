"""tasks.settings.images: each image is one row and one folder."""

from __future__ import annotations

import pytest

from tasks.images import compilers
from tasks.settings import addons, artifacts, controller, images, paths

KINDS = {
    "nodes": images.NODE_IMAGES,
    "compilers": images.COMPILERS,
    "add-ons": images.ADDON_IMAGES,
    "registry": (images.REGISTRY,),
}
ROWS = [image for rows in KINDS.values() for image in rows]
# Folders without such a row: they are named where they are used.
NAMED_ELSEWHERE = {
    compilers.CONTROLLER,
    controller.DEEPSTREAM_STAND_IN,
    *(image.packages for image in controller.FUNCTION_IMAGES if image.packages),
}


def test_each_row_has_a_folder_and_each_folder_a_row() -> None:
    folders = {file.parent.name for file in paths.KIND.glob("*/Dockerfile")}
    assert folders == {image.name for image in ROWS} | NAMED_ELSEWHERE
    assert len({image.name for image in ROWS}) == len(ROWS)


@pytest.mark.parametrize("image", ROWS, ids=lambda image: image.name)
def test_each_row_is_found_by_its_name_and_starts_from_what_there_is(image: images.NodeImage) -> None:
    assert images.named(image.name) == image
    others = {row.name for row in images.NODE_IMAGES if row != image}
    assert image.parent in {images.BASE, images.RUNTIME, images.SCRATCH, *others}


def test_what_uses_an_image_uses_one_of_its_kind() -> None:
    table = [each for each in vars(artifacts).values() if isinstance(each, artifacts.GoArtifact)]
    assert {each.compiler for each in table if each.compiler} == {image.name for image in images.COMPILERS}
    built = [release.built for addon in addons.ADDONS for release in addon.releases if release.built]
    assert sorted(image.name for image in built) == sorted(image.name for image in images.ADDON_IMAGES)
