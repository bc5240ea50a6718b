"""What a user reads about a run: real doit runs in this process, with their output in memory."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain

from tasks import lack, progress
from tasks.engines.files import durations, lock
from tasks.problems import Problem
from tasks.runner.declare import Current, Do
from tasks.runner.reporter import QUERY, Reporter
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Runs:
    """Runs graphs made of dictionaries, with one task database."""

    def __init__(self, folder: Path) -> None:
        self._config = {"backend": "sqlite3", "dep_file": str(folder / "db"), "verbosity": 2, "reporter": Reporter}

    def __call__(self, graph: dict[str, dict[str, Any]], *words: str) -> tuple[int, str]:
        """Return the exit code and what was written, with every duration as `T`."""
        stream = io.StringIO()
        creators = {f"task_{name}": self._creator(name, task) for name, task in graph.items()}
        config = {**self._config, "outfile": stream}
        code = DoitMain(ModuleTaskLoader({**creators, "DOIT_CONFIG": config})).run(list(words))
        return int(code), re.sub(r"(\d+ min )?[0-9.]+ s\b", "T", stream.getvalue())

    @staticmethod
    def _creator(name: str, task: dict[str, Any]) -> Callable[[], dict[str, Any]]:
        return lambda: {"basename": name, **task}


@pytest.fixture
def runs(checkout: Path, choose: Callable[..., None]) -> Runs:
    choose(CACHE_DIR=str(checkout / "cache"))
    paths.BUILD.mkdir()
    return Runs(checkout)


@pytest.fixture
def mistake(runs: Runs, choose: Callable[..., None]) -> Callable[[], None]:
    """A function that gives a parameter a wrong value."""

    def mistake() -> None:
        with pytest.raises(Problem):
            choose(K8S_VERSION="1.31", CNI="flannel")

    return mistake


def nothing() -> None:
    pass


def broken() -> None:
    raise Problem("image:x: no base image", hint="./doit image:base", details="line one\nline two")


def test_finished_tasks_are_told_with_their_time_and_counted(runs: Runs) -> None:
    code, text = runs({"a": {"actions": [Do(nothing)]}, "b": {"actions": [Do(nothing)], "task_dep": ["a"]}}, "b")
    assert code == 0
    assert text.splitlines() == ["a ...", "a: done (T)", "b ...", "b: done (T)", "Done: 2 ran, 0 up to date (T)"]


@pytest.mark.parametrize(("count", "words"), [(1, "1 task is"), (3, "3 tasks are")])
def test_a_run_with_nothing_to_do_says_so_in_one_line(runs: Runs, count: int, words: str) -> None:
    fresh = {"actions": [Do(nothing)], "uptodate": [Current(lambda: lack.NOTHING)]}
    graph = {f"t{number}": dict(fresh) for number in range(count)}
    group: dict[str, Any] = {"all": {"actions": None, "task_dep": list(graph)}}
    assert runs({**graph, **group}, "all") == (0, f"Nothing to do: {words} up to date (T)\n")


def test_a_problem_is_its_line_its_evidence_and_the_next_command(runs: Runs) -> None:
    code, text = runs({"x": {"actions": [Do(broken)]}}, "x")
    assert code == 1
    assert text.splitlines() == [
        "x ...",
        "x: failed (T)",
        "    image:x: no base image",
        "    line one",
        "    line two",
        "    Try: ./doit image:base",
        "Failed: 1 failed, 0 ran, 0 up to date (T)",
    ]


def test_a_bug_keeps_its_traceback(runs: Runs) -> None:
    def bug() -> None:
        raise ZeroDivisionError("here")

    code, text = runs({"x": {"actions": [Do(bug)]}}, "x")
    assert code == 2
    assert "Traceback (most recent call last)" in text
    assert "ZeroDivisionError: here" in text


def test_what_depends_on_a_failure_is_told_as_not_run(runs: Runs) -> None:
    graph: dict[str, dict[str, Any]] = {
        "x": {"actions": [Do(broken)]},
        "y": {"actions": [Do(nothing)], "task_dep": ["x"]},
    }
    _, text = runs(graph, "--continue", "y")
    assert "y: not run" in text


def test_kept_lines_of_actions_are_written(runs: Runs) -> None:
    def act() -> None:
        progress.step("not kept in a log at once")
        progress.line("kept")

    _, text = runs({"x": {"actions": [Do(act)]}}, "x")
    assert text.splitlines()[:3] == ["x ...", "kept", "x: done (T)"]


def test_a_query_writes_its_answer_only_and_needs_neither_lock_nor_valid_parameters(
    runs: Runs, mistake: Callable[[], None]
) -> None:
    mistake()
    held = lock.hold(paths.RUN_LOCK, "./doit images")
    graph = {"q": {"actions": [Do(progress.line, "the answer")], "meta": {QUERY: True}}}
    assert runs(graph, "q") == (0, "the answer\n")
    held.release()


def test_a_failed_query_tells_it_on_standard_error(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs({"q": {"actions": [Do(broken)], "meta": {QUERY: True}}}, "q") == (1, "")
    assert "image:x: no base image" in capsys.readouterr().err


def test_a_second_run_is_refused_before_anything_runs(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    held = lock.hold(paths.RUN_LOCK, "./doit images")
    ran: list[int] = []
    with pytest.raises(SystemExit) as stopped:
        runs({"x": {"actions": [Do(ran.append, 1)]}}, "x")
    held.release()
    assert stopped.value.code == 3
    assert ran == []
    assert f"pid {os.getpid()} runs `./doit images` here since" in capsys.readouterr().err


def test_wrong_parameters_are_refused_before_anything_runs(
    runs: Runs, mistake: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    mistake()
    ran: list[int] = []
    with pytest.raises(SystemExit) as stopped:
        runs({"x": {"actions": [Do(ran.append, 1)]}}, "x")
    assert stopped.value.code == 3
    assert ran == []
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[2].partition(": ")[0] for line in lines] == ["K8S_VERSION", "CNI", "./doit parameters"]
    lock.hold(paths.RUN_LOCK, "the lock is free again").release()


def test_the_lock_and_the_signals_are_given_back(runs: Runs) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    runs({"x": {"actions": [Do(nothing)]}}, "x")
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    lock.hold(paths.RUN_LOCK, "./doit next").release()


def test_a_signal_keeps_finished_work(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    made: list[str] = []

    def make() -> dict[str, int]:
        made.append("first")
        return {"made": 1}

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    graph: dict[str, dict[str, Any]] = {
        "first": {
            "actions": [Do(make)],
            "uptodate": [Current(lambda: lack.unless(made, "not made"))],
        },
        "second": {"actions": [Do(stop)], "task_dep": ["first"]},
    }
    with pytest.raises(SystemExit) as stopped:
        runs(graph, "second")
    assert stopped.value.code == 128 + signal.SIGTERM
    assert runs({"first": graph["first"]}, "first") == (0, "Nothing to do: 1 task is up to date (T)\n")
    assert capsys.readouterr().err == ""


def test_nothing_is_told_after_the_summary(runs: Runs) -> None:
    reporters: list[Reporter] = []

    def act() -> None:
        assert isinstance(progress._listener, Reporter)
        reporters.append(progress._listener)

    graph = {"x": {"actions": [Do(act)]}}
    _, text = runs(graph, "x")
    reporters[0].line("late")
    reporters[0].step("late")
    assert "late" not in text + reporters[0].outstream.getvalue()


def test_what_finished_tasks_took_is_remembered(runs: Runs, tmp_path: Path) -> None:
    runs({"x": {"actions": [Do(nothing)]}, "y": {"actions": [Do(broken)], "task_dep": ["x"]}}, "y")
    assert durations.read(tmp_path / "cache") == {"x": 0.0}


def test_output_is_not_captured(runs: Runs) -> None:
    seen = []
    before = sys.stdout
    runs({"x": {"actions": [Do(lambda: seen.append(sys.stdout))]}}, "x")
    assert seen == [before]


def test_tasks_on_threads_are_told_apart(runs: Runs) -> None:
    barrier = threading.Barrier(2, timeout=30)

    def act(name: str) -> None:
        barrier.wait()
        progress.line(f"{name} speaks")

    graph = {name: {"actions": [Do(act, name)]} for name in ("a", "b")}
    code, text = runs(graph, "-n", "2", "-P", "thread", "a", "b")
    assert code == 0
    assert sorted(text.splitlines()) == sorted(
        [f"{name}{rest}" for name in ("a", "b") for rest in (" ...", " speaks", ": done (T)")]
        + ["Done: 2 ran, 0 up to date (T)"]
    )
