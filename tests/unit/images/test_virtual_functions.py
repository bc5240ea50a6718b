"""images.virtual_functions: the resource in the source of the controller's functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.images import archive_images, virtual_functions
from tasks.settings import nics
from tests.unit.conftest import lab
from tests.unit.target.somewhere import parameters_of

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "openshift.io/cards"


def test_only_components_of_the_controller_ask_for_another_resource() -> None:
    chosen = lab(**parameters_of(SRIOV="given", SRIOV_RESOURCE=OTHER))
    images = archive_images.IMAGES
    assert virtual_functions.resource(images["cpufunction"], chosen) == OTHER
    assert virtual_functions.resource(images["cpufunc_sidecar"], chosen) == ""
    assert virtual_functions.resource(images["cpufunction"], lab()) == ""


def test_the_name_is_replaced_in_sources_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "internal").mkdir()
    source, notes = tmp_path / "internal/function.go", tmp_path / "README.md"
    for file in (source, notes):
        file.write_text(f'limits["{nics.RESOURCE}"]', encoding="utf-8")
    virtual_functions.rename(tmp_path, "")
    assert nics.RESOURCE in source.read_text(encoding="utf-8")
    virtual_functions.rename(tmp_path, OTHER)
    assert source.read_text(encoding="utf-8") == f'limits["{OTHER}"]'
    assert nics.RESOURCE in notes.read_text(encoding="utf-8")
