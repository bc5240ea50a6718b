"""tasks.images.archive_context: which images an edit of the source concerns, and what of it does not compile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.images import archive_context, archive_images
from tasks.problems import Problem
from tasks.settings import controller, paths
from tests.unit.images.sources import all_inputs, changed, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.images.conftest import Go

pytestmark = pytest.mark.usefixtures("source")


@pytest.mark.parametrize(
    ("file", "images"),
    [
        ("src/CPUFunction/Dockerfile", {"cpufunction"}),
        ("sample-functions/functions/for_all_in_one/calc-func/cpufunc_calcapp/main.go", {"cpufunc_calcapp"}),
        ("src/CPUFunction/config/samples/crc_cpufunction_daemonset.yaml", set()),
        ("README.md", set()),
    ],
)
def test_a_change_concerns_only_the_images_made_of_it(source: Path, file: str, images: set[str]) -> None:
    before = all_inputs()
    with (source / file).open("a") as text:
        text.write("\n")
    assert changed(before) == images


@pytest.mark.parametrize(
    ("module", "images"),
    [
        ("wbfunction", {"wbfunction"}),
        ("ethernetconnection", {"ethernetconnection"}),
        ("placement", {"whitebox-k8s-flowctrl"}),
        ("functions", {"cpufunction", "gpufunction"}),
    ],
)
def test_a_module_of_the_operator_concerns_the_images_that_run_it(source: Path, module: str, images: set[str]) -> None:
    before = all_inputs()
    (source / f"src/sample_operator/{module}.py").write_text("")
    assert changed(before) == images


def test_what_all_modules_of_the_operator_import_concerns_all_of_its_images_and_no_function(source: Path) -> None:
    before = all_inputs()
    (source / "src/sample_operator/names.py").write_text("")
    assert changed(before) == {image.name for image in controller.CONTROLLER_IMAGES} & before.keys()
    assert changed(before) >= {"whitebox-k8s-flowctrl", "wbfunction", "wbconnection", "cpufunction", "deviceinfo"}


def test_one_go_file_concerns_the_images_that_copy_it(go_source: Path) -> None:
    before = all_inputs()
    write(go_source / "src/CPUFunction/api/v1/own_types.go", "package v1 // changed")
    write(go_source / "src/CPUFunction/notes.md", "no part of it")
    assert changed(before) == {"cpufunction"}


def test_tests_beside_go_files_concern_no_image(go_source: Path) -> None:
    before = all_inputs()
    write(go_source / "src/CPUFunction/api/v1/own_types_test.go", "package v1")
    write(go_source / archive_images.IMAGES["cpufunc_calcapp"].folder / "main_test.go", "package main")
    assert changed(before) == set()


@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize(
    ("named", "edited"),
    [
        ("api/v1/own_types.go", "src/CPUFunction/api/v1/own_types.go"),
        ("api/v1/shared_types.go", "src/Shared/shared_types.go"),
    ],
)
def test_what_does_not_compile_is_named_by_the_file_that_the_user_edits(
    go_source: Path, go: Go, named: str, edited: str
) -> None:
    assert (go_source / edited).is_file()
    go.complain(f"{named}:3:1: undefined: y")
    with pytest.raises(Problem) as caught:
        archive_images.build("cpufunction")
    assert caught.value.message == f"{paths.SAMPLE}/{edited}:3:1: undefined: y"


def test_what_a_step_of_a_dockerfile_does_not_compile_is_named_too(source: Path) -> None:
    image = archive_images.IMAGES["wbfunction"]
    named = archive_context.copied_as(image, "/operator/sample_operator/wbfunction.py")
    assert named == f"{paths.SAMPLE}/src/sample_operator/wbfunction.py"
    assert archive_context.copied_as(image, "/usr/lib/python3/x.py") == ""
    assert source.is_dir()
