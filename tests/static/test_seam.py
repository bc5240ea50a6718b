"""Only the flat `target`, its rules and its settings ask which kind of cluster there is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tasks.settings import paths, target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TASKS = paths.ROOT / "tasks"
ALLOWED = (TASKS / "target", TASKS / "settings" / "target.py", TASKS / "settings" / "parameters" / "target_rules.py")
KINDS = {"KIND", "EXISTING"}


def questions(text: str) -> Iterator[int]:
    """Yield the lines that compare something with a kind of cluster."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            names = {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
            words = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
            if names & KINDS or ("target" in names and words & {target.KIND, target.EXISTING}):
                yield node.lineno


def modules() -> list[Path]:
    found = sorted(TASKS.rglob("*.py"))
    return [file for file in found if not any(file == each or each in file.parents for each in ALLOWED)]


@pytest.mark.parametrize("text", ["p.target == target.EXISTING", "p.target in ('kind',)", "target.KIND != y"])
def test_a_question_is_found(text: str) -> None:
    assert [*questions(text)] == [1]


def test_nothing_else_asks_which_kind_of_cluster_there_is() -> None:
    asking = {f"{file.relative_to(paths.ROOT)}:{line}" for file in modules() for line in questions(file.read_text())}
    assert asking == set()
