"""What tests of own functions share: a function in a checkout of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def write(checkout: Path) -> Callable[..., Path]:
    """A function that writes the files of work/functions/<name>, and returns the folder."""
    del checkout

    def write(name: str, files: dict[str, str]) -> Path:
        folder = paths.OWN_FUNCTIONS / name
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text, encoding="utf-8")
        return folder

    return write
