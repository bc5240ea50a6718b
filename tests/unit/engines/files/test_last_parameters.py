"""The parameters that a checkout remembers from its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.files import last_parameters

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "last-parameters.json"


def test_each_task_keeps_the_parameters_of_its_own_last_run(file: Path) -> None:
    assert last_parameters.read(file) == {}
    last_parameters.record(file, ["a", "b"], {"X": "1"})
    last_parameters.record(file, ["b"], {"X": "2"})
    assert last_parameters.read(file) == {"a": {"X": "1"}, "b": {"X": "2"}}
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_tables_that_no_task_uses_are_forgotten(file: Path) -> None:
    for number in range(50):
        last_parameters.record(file, ["a"], {"X": str(number)})
    assert file.read_text().count('"X"') == 1


def test_nothing_is_written_where_nothing_changed(file: Path) -> None:
    last_parameters.record(file, ["a"], {"X": "1"})
    before = file.stat().st_mtime_ns
    last_parameters.record(file, ["a"], {"X": "1"})
    assert file.stat().st_mtime_ns == before


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_a_damaged_file_tells_nothing_and_is_replaced(file: Path, text: str) -> None:
    file.write_text(text)
    assert last_parameters.read(file) == {}
    last_parameters.record(file, ["a"], {"X": "1"})
    assert last_parameters.read(file) == {"a": {"X": "1"}}
