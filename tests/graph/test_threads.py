"""Tasks in parallel on threads, in real doit runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Checkout

GRAPH = """
import sys

from tasks import progress
from tasks.runner.declare import Do
from tasks.runner.reporter import Reporter

DOIT_CONFIG = {"reporter": Reporter}


def task_a():
    return {"actions": [Do(lambda: progress.line(f"loaded: {'kubernetes.stream' in sys.modules}"))]}
"""


@pytest.mark.parametrize(("words", "loaded"), [(["-n", "2", "-P", "thread"], True), ([], False)])
def test_libraries_are_loaded_before_tasks_run_on_threads(
    checkout: Checkout, tmp_path: Path, words: list[str], *, loaded: bool
) -> None:
    (checkout.root / "dodo.py").write_text(GRAPH)
    done = checkout.doit("run", *words, "a", env={"CACHE_DIR": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stderr
    assert f"loaded: {loaded}" in done.stdout.splitlines()
