"""tasks.patterns.reviewed: files that have not changed are not reviewed again, and any others are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.patterns import known, places, review, reviewed
from tasks.settings import paths
from tests.unit import own_patterns

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.patterns.model import Pattern

FLOW = "df-cpufunc.yaml"


@pytest.fixture(autouse=True)
def source(tree: Path) -> Path:
    """The sample controller, as if it had been unpacked."""
    paths.BUILD.mkdir(exist_ok=True)
    paths.CONTROLLER.symlink_to(paths.SAMPLE)
    return tree


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The patterns that are reviewed, in order."""
    names: list[str] = []
    real = review.complaints

    def complaints(pattern: Pattern) -> list[str]:
        names.append(pattern.name)
        return real(pattern)

    monkeypatch.setattr(review, "complaints", complaints)
    return names


def in_another_run(name: str) -> list[str]:
    """Return what is wrong with a pattern, as a process that begins now finds it."""
    known.forget()
    for each in (reviewed._kept, reviewed._content, reviewed._code):
        each.cache_clear()
    return reviewed.complaints(known.named(name))


def edit(pattern: str, before: str, after: str) -> None:
    file = places.folder(known.named(pattern)) / FLOW
    file.write_text(file.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")


def test_what_has_not_changed_is_reviewed_once(looked_at: list[str]) -> None:
    first = known.patterns()[0].name
    assert in_another_run(first) == in_another_run(first) == []
    assert looked_at == [first]


def test_a_fault_is_found_again_by_each_run_until_it_is_mended(looked_at: list[str]) -> None:
    own_patterns.write("mine")
    edit("mine", "name: df-mine", "name: df-yours")
    faults = in_another_run("mine")
    assert any("'df-yours' is not the dataflow" in line for line in faults)
    assert in_another_run("mine") == faults
    assert looked_at == ["mine"]
    edit("mine", "name: df-yours", "name: df-mine")
    assert in_another_run("mine") == []


def test_a_file_that_comes_or_goes_is_noticed(looked_at: list[str]) -> None:
    own_patterns.write("mine")
    assert in_another_run("mine") == []
    folder = places.folder(known.named("mine"))
    (folder / "more.yaml").write_text("kind: [", encoding="utf-8")
    assert any("more.yaml" in line for line in in_another_run("mine"))
    (folder / "more.yaml").unlink()
    assert in_another_run("mine") == []
    assert len(looked_at) == 3


def test_an_own_pattern_is_reviewed_again_if_another_one_changes(looked_at: list[str]) -> None:
    own_patterns.write("mine")
    own_patterns.write("yours")
    assert in_another_run("mine") == []
    edit("yours", "capacity: 1", "capacity: 2")
    assert in_another_run("mine") == []
    assert looked_at == ["mine", "mine"]


def test_other_code_reviews_anew(looked_at: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    first = known.patterns()[0].name
    in_another_run(first)
    monkeypatch.setattr(reviewed, "_CODE", ())
    assert in_another_run(first) == []
    assert looked_at == [first, first]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"calcapp-basic": 1}'])
def test_kept_reviews_that_are_damaged_are_made_anew(content: str, looked_at: list[str]) -> None:
    first = known.patterns()[0].name
    in_another_run(first)
    paths.PATTERN_REVIEWS.write_text(content, encoding="utf-8")
    assert in_another_run(first) == []
    assert looked_at == [first, first]
    assert in_another_run(first) == []
    assert looked_at == [first, first]


def test_where_nothing_can_be_kept_patterns_are_reviewed_by_each_run(
    looked_at: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(paths, "PATTERN_REVIEWS", tmp_path / "file" / "reviews.json")
    first = known.patterns()[0].name
    assert in_another_run(first) == in_another_run(first) == []
    assert looked_at == [first, first]
