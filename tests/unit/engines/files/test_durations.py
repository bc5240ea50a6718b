"""The durations that are remembered from past runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.files import durations

if TYPE_CHECKING:
    from pathlib import Path


def test_runs_are_remembered_side_by_side_and_the_last_one_counts(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert durations.read(cache) == {}
    durations.record(cache, {"a": 1.04, "b": 2})
    durations.record(cache, {"b": 3.26})
    assert durations.read(cache) == {"a": 1.0, "b": 3.3}
    assert [file.name for file in cache.iterdir()] == [durations.FILE]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": "x"}'])
def test_an_unreadable_memory_is_an_empty_one(tmp_path: Path, text: str) -> None:
    (tmp_path / durations.FILE).write_text(text)
    assert durations.read(tmp_path) == {}
