"""tasks.engines.files.cache: an answer holds until its stamp changes, and a damaged file holds none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.engines.files import cache

if TYPE_CHECKING:
    from pathlib import Path


def test_an_answer_holds_until_its_stamp_changes(tmp_path: Path) -> None:
    answers = iter(["first", "second"])

    def ask() -> str:
        return next(answers)

    file = tmp_path / "folder" / "kept.json"
    assert cache.answer(file, [1, "a"], ask) == "first"
    assert cache.answer(file, [1, "a"], ask) == "first"
    assert cache.answer(file, [2, "a"], ask) == "second"


@pytest.mark.parametrize("content", ["", "{", "{}", '{"stamp": 1}'])
def test_what_was_cut_short_is_asked_again(tmp_path: Path, content: str) -> None:
    file = tmp_path / "kept.json"
    file.write_text(content, encoding="utf-8")
    assert cache.answer(file, 1, lambda: "asked") == "asked"
    assert cache.answer(file, 1, lambda: pytest.fail("it is kept")) == "asked"


def test_nothing_is_kept_where_asking_fails(tmp_path: Path) -> None:
    def refuse() -> str:
        raise LookupError

    with pytest.raises(LookupError):
        cache.answer(tmp_path / "kept.json", 1, refuse)
    assert not (tmp_path / "kept.json").exists()
