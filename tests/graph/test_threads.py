"""Tasks side by side on threads, in real doit runs."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.conftest import Checkout

GRAPH = """
import sys
import threading

from tasks import progress
from tasks.problems import Problem
from tasks.runner.declare import Do
from tasks.runner.meta import FETCHES, LOOKS_ONLY
from tasks.runner.reporter import Reporter

DOIT_CONFIG = {"reporter": Reporter, "par_type": "thread", "num_process": 2}
MET = threading.Barrier(2, timeout=20)
ALL_MET = threading.Barrier(3, timeout=20)
RUNNING = []


def meet(barrier):
    barrier.wait()


def alone():
    RUNNING.append(1)
    threading.Event().wait(0.3)
    progress.line(f"at once: {len(RUNNING)}")
    RUNNING.pop()


def fail():
    raise Problem("broken", hint="mend it")


def fail_beside():
    MET.wait()
    fail()


def finish_later():
    MET.wait()
    threading.Event().wait(0.5)


def task(*actions, meta=None, needs=()):
    return lambda: {"actions": [*actions] or None, "meta": meta or {}, "task_dep": [*needs]}


def group(*names):
    return {"actions": None, "task_dep": [*names]}


for name in ("a", "b"):
    globals()[f"task_{name}"] = task(Do(meet, MET))
    globals()[f"task_{name}_alone"] = task(Do(alone))
    globals()[f"task_{name}_full"] = task(Do(meet, ALL_MET))
task_fetch = task(Do(meet, ALL_MET), meta={FETCHES: True})
task_refusal = task(Do(fail), meta=LOOKS_ONLY)
task_act = task(Do(lambda: progress.line("touched")))
task_broken = task(Do(fail_beside))
task_late = task(Do(finish_later))
say_loaded = Do(lambda: progress.line(f"loaded: {'kubernetes.config' in sys.modules}"))
task_loaded = task(say_loaded)
task_empty = task()
task_after_a_group = task(say_loaded, needs=("empty",))
for name, needs in {
    "both": ("a", "b"), "singles": ("a_alone", "b_alone"), "full": ("a_full", "b_full", "fetch"),
    "refused": ("act", "refusal"), "failing": ("broken", "late", "act"), "with_others": ("loaded", "act"),
    "chain": ("a_alone",), "other_chain": ("b_alone",),
}.items():
    globals()[f"task_{name}"] = task(needs=needs)
for name in ("short", "middle", "long"):
    globals()[f"task_{name}"] = task(Do(alone))
task_sorted = task(needs=("short", "middle", "long"))
"""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def threads(checkout: Checkout, cache: Path) -> Threads:
    (checkout.root / "dodo.py").write_text(GRAPH)
    return Threads(checkout, cache)


class Threads:
    """Runs tasks of the graph in a checkout."""

    def __init__(self, checkout: Checkout, cache: Path) -> None:
        self._checkout = checkout
        self._env = {"CACHE_DIR": str(cache)}

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self._checkout.doit(*words, env=self._env)


def test_tasks_that_do_not_need_each_other_run_side_by_side(threads: Threads) -> None:
    done = threads("both")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("Done: 2 ran")


@pytest.mark.parametrize("words", [["-n", "1", "singles"], ["chain", "other_chain"]], ids=["one thread", "named"])
def test_tasks_run_one_after_another_with_one_thread_and_where_they_are_named(
    threads: Threads, words: list[str]
) -> None:
    done = threads(*words)
    assert done.returncode == 0, done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("at once")] == ["at once: 1"] * 2


def test_a_download_takes_the_place_of_no_other_task(threads: Threads) -> None:
    done = threads("full")
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[-1].startswith("Done: 3 ran")


def test_what_only_looks_refuses_before_anything_is_touched(threads: Threads) -> None:
    done = threads("refused")
    assert done.returncode == 1
    assert "touched" not in done.stdout
    assert "refusal: failed" in done.stdout


def test_after_a_failure_what_runs_is_finished_and_nothing_else_starts(threads: Threads) -> None:
    done = threads("failing")
    lines = done.stdout.splitlines()
    assert done.returncode == 1
    assert "Finishing late, so that it is kept; Ctrl-C stops it" in lines
    assert any(line.startswith("late: done") for line in lines)
    assert lines[-1].startswith("Failed: 1 failed, ")


def test_the_longest_way_to_the_end_comes_first(threads: Threads, cache: Path) -> None:
    cache.mkdir()
    (cache / "durations.json").write_text(json.dumps({"short": 1, "middle": 10, "long": 100}))
    done = threads("sorted")
    assert re.findall(r"^(\w+) \.\.\.$", done.stdout, re.MULTILINE) == ["long", "middle", "short"]


@pytest.mark.parametrize(
    ("words", "loaded"), [(["with_others"], True), (["loaded"], False), (["after_a_group"], False)]
)
def test_libraries_are_loaded_before_tasks_run_side_by_side_and_for_no_others(
    threads: Threads, words: list[str], *, loaded: bool
) -> None:
    done = threads(*words)
    assert done.returncode == 0, done.stderr
    assert f"loaded: {loaded}" in done.stdout.splitlines()
