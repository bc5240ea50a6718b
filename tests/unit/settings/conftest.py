"""A checkout that holds nothing but the parameter table."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(paths.ENV, tmp_path / "env")
    return tmp_path
