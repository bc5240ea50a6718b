"""Fitting text into columns."""

from __future__ import annotations

import pytest

from tasks import layout


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("a bc def", ["a bc", "def"]),
        ("abcdefghij", ["abcde", "fghij"]),
        ("a abcdefgh b", ["a", "abcde", "fgh b"]),
        ("日本語 x", ["日本", "語 x"]),
        ("e\u0301e\u0301e\u0301e\u0301e\u0301", ["e\u0301e\u0301e\u0301e\u0301e\u0301"]),
    ],
)
def test_lines_are_broken_at_blanks_and_nothing_is_lost(text: str, lines: list[str]) -> None:
    assert layout.wrapped(text, 5) == lines
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize(("text", "cut"), [("abcde", "abcde"), ("abcdef", "ab..."), ("日本語", "日...")])
def test_what_is_cut_ends_in_dots(text: str, cut: str) -> None:
    assert layout.cut(text, 5) == cut


def test_further_lines_stand_below_the_first() -> None:
    assert layout.hanging("ab  ", "cd ef gh", 9) == ["ab  cd ef", "    gh"]


@pytest.mark.usefixtures("capfd")  # no terminal, even if pytest captures nothing
@pytest.mark.parametrize(("given", "columns"), [("132", 132), ("3", 20), ("", 80), ("x", 80)])
def test_columns_are_those_of_the_environment_or_80(monkeypatch: pytest.MonkeyPatch, given: str, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", given)
    assert layout.columns() == columns
