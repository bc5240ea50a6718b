"""A checkout with the files of the parameters, and the parameters read from it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tasks.problems import Problem
from tasks.settings import parameters, paths
from tasks.settings.parameters import layers as parameters_layers

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(paths.ENV, tmp_path / "env")
    return tmp_path


def valid(root: Path, **environ: str) -> Parameters:
    return parameters.validated(parameters_layers.read(root, environ))


def refusal(root: Path, **environ: str) -> list[str]:
    with pytest.raises(Problem) as raised:
        valid(root, **environ)
    return raised.value.message.splitlines()
