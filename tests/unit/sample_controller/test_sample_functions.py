"""The Go tests of the sample functions."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.unit.sample_controller.sample_cluster import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MODULES = sorted(file.parent for file in ROOT.glob("sample-functions/**/go.mod"))


def test_all_modules_are_found() -> None:
    assert {module.name for module in MODULES} >= {"cpufunc_calcapp", "cpufunc_gst", "cpufunc_sidecar"}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_go_tests_pass(module: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not installed")
    done = subprocess.run([go, "test", "./..."], cwd=module, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
