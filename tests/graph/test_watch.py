"""`./doit watch` as a real process: an edit is a run, a failed run does not end it, and Ctrl-C does."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from tasks.engines.files import lock
from tests.graph.test_front_door import child_of, is_running

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import Checkout

_SECONDS = 60.0
# A graph whose task reads a file of a pattern, and fails if that says so.
GRAPH = """
import threading

from tasks.engines.programs import shell
from tasks.problems import Problem
from tasks.runner.declare import Do
from tasks.runner.meta import AFTERWARDS, WATCHED
from tasks.runner.reporter import Reporter
from tasks import progress
from tasks.settings import paths

paths.BUILD.mkdir(exist_ok=True)
DOIT_CONFIG = {"backend": "sqlite3", "dep_file": str(paths.TASK_DATABASE), "reporter": Reporter, "verbosity": 2}

def read():
    file = paths.OWN_PATTERNS / "mine" / "pattern.yaml"
    text = file.read_text().strip() if file.exists() else "nothing"
    if text == "bad":
        raise Problem("it is bad")
    progress.line(f"it says {text}")

def wait():
    shell.run(["sh", "-c", f"echo $$ > '{paths.BUILD}/pid'; exec sleep 60"])

def task_scenario():
    yield {"name": "mine", "actions": [Do(read)]}

def task_all():
    return {"actions": [Do(read)], "meta": {WATCHED: lambda: ["all"]}}

def task_wait():
    return {"actions": [Do(wait)]}

PARAMS = [{"name": "follow", "long": "follow", "type": bool, "default": False}]

def task_talk():
    yield {"name": None, "params": PARAMS, "meta": {AFTERWARDS: ("follow", talk)}}
    yield {"name": "part", "actions": [Do(read)]}

def task_fail():
    yield {"name": None, "params": PARAMS, "meta": {AFTERWARDS: ("follow", talk)}}
    yield {"name": "part", "actions": [Do(fail)]}

def talk(*, coloured):
    progress.line(f"talking, {'coloured' if coloured else 'plain'}")
    threading.Event().wait()

def fail():
    raise Problem("no")
"""


class Watched:
    """A process whose lines are read as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as stream:
            for line in stream:
                self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()

    def until(self, beginning: str) -> str:
        """Return the next line that begins so."""
        while True:
            line = self._queue.get(timeout=_SECONDS)
            assert line is not None, self.lines
            self.lines.append(line)
            if line.lstrip().startswith(beginning):
                return line

    def is_silent(self, seconds: float) -> bool:
        """Return whether nothing is written for so long."""
        with contextlib.suppress(queue.Empty):
            self.lines.append(str(self._queue.get(timeout=seconds)))
            return False
        return True

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(_SECONDS)


@pytest.fixture
def small(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))
    (checkout.root / "dodo.py").write_text(GRAPH)
    return checkout


@contextlib.contextmanager
def started(checkout: Checkout, *words: str) -> Iterator[Watched]:
    process = Watched(checkout.start(*words))
    try:
        yield process
    finally:
        process.end()


def edit(checkout: Checkout, text: str, pattern: str = "mine", name: str = "pattern.yaml") -> None:
    folder = checkout.root / "work" / "patterns" / pattern
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.new").write_text(text)
    (folder / f"{name}.new").replace(folder / name)  # as editors save


def test_it_runs_at_once_and_after_each_edit_and_survives_a_failure(small: Checkout) -> None:
    with started(small, "watch", "scenario:mine") as watched:
        watched.until("Running: ./doit scenario:mine")
        watched.until("it says nothing")
        watched.until("./doit scenario:mine: done; watching")
        edit(small, "one")  # in folders that were not there
        assert watched.until("Changed: ") == "Changed: work/patterns/mine/pattern.yaml"
        watched.until("it says one")
        watched.until("./doit scenario:mine: done; watching")
        edit(small, "bad")
        watched.until("it is bad")
        watched.until("./doit scenario:mine: failed with exit code 1; watching")
        edit(small, "two")
        watched.until("it says two")
        watched.until("./doit scenario:mine: done; watching")
        assert watched.interrupt() == 128 + signal.SIGINT
    assert not any("Traceback" in line for line in watched.lines)


def test_what_is_no_source_and_the_pattern_of_another_task_start_no_run(small: Checkout) -> None:
    with started(small, "watch", "scenario:mine") as watched:
        watched.until("./doit scenario:mine: done; watching")
        edit(small, "x", name=".pattern.yaml.swp")
        edit(small, "x", pattern="other")
        (small.root / "build" / "x").touch()
        (small.root / "README.md").touch()
        assert watched.is_silent(1.5)
        edit(small, "x")
        assert watched.until("Changed: ") == "Changed: work/patterns/mine/pattern.yaml"


def test_a_folder_that_was_deleted_and_made_again_is_seen(small: Checkout) -> None:
    edit(small, "one")
    folder = small.root / "work" / "patterns"
    with started(small, "watch") as watched:
        watched.until("./doit all: done; watching")
        folder.rename(small.root / "away")
        watched.until("Changed: work/patterns/mine/pattern.yaml")
        watched.until("it says nothing")
        watched.until("./doit all: done; watching")
        edit(small, "two")
        watched.until("it says two")
        watched.until("./doit all: done; watching")
        (small.root / ".env").write_text("CLUSTER_NAME=other\n")
        assert watched.until("Changed: ") == "Changed: .env"


def test_the_folder_that_controller_names_is_watched(small: Checkout, tmp_path: Path) -> None:
    source = tmp_path / "controller"
    (source / "src").mkdir(parents=True)
    with started(small, "watch", f"CONTROLLER={source}", "all") as watched:
        watched.until("./doit all:")
        (source / "src" / "x.go").write_text("package x\n")
        assert watched.until("Changed: ") == f"Changed: {source}/src/x.go"


def test_changes_during_a_run_lead_to_one_more_run(small: Checkout) -> None:
    with started(small, "watch", "wait") as watched:
        watched.until("Running: ")
        first = child_of(small)
        for number in range(3):
            edit(small, str(number))
        _end(small, first)
        watched.until("./doit wait: failed with exit code 1; watching")
        assert watched.until("Changed: ") == "Changed: work/patterns/mine/pattern.yaml"
        watched.until("Running: ")
        _end(small, child_of(small))
        watched.until("./doit wait: failed with exit code 1; watching")
        assert watched.is_silent(1.0)


def _end(checkout: Checkout, child: int) -> None:
    (checkout.root / "build" / "pid").unlink()
    os.kill(child, signal.SIGTERM)


def test_an_interrupt_ends_the_run_that_is_under_way(small: Checkout) -> None:
    with started(small, "watch", "wait") as watched:
        child = child_of(small)
        assert watched.interrupt() == 128 + signal.SIGINT
        assert not is_running(child)
        watched.until("Stopped by SIG")


def test_another_run_here_is_waited_for(small: Checkout) -> None:
    held = lock.hold(small.root / "build" / "run.lock", "./doit other")
    with started(small, "watch", "all") as watched:
        assert watched.until("pid ").endswith(": waiting for it to end")
        held.release()
        watched.until("it says nothing")


def test_a_task_that_is_not_there_and_one_that_does_not_end_are_refused(small: Checkout) -> None:
    done = small.doit("watch", "nothing_of_that_name")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("nothing_of_that_name: no such task")
    done = small.doit("watch", "talk", "--follow")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        "watch: --follow goes on until Ctrl-C, so that no change would be seen",
        "Try: ./doit talk --follow in another terminal",
    ]


def test_what_goes_on_after_a_run_ends_with_an_interrupt_and_holds_no_lock(small: Checkout) -> None:
    with started(small, "talk", "--follow") as talk:
        talk.until("Done: 1 ran")
        talk.until("talking, plain")
        assert lock.holder(small.root / "build" / "run.lock", "test") is None
        assert talk.interrupt() == 0


def test_without_the_option_and_after_a_failure_nothing_goes_on(small: Checkout) -> None:
    assert small.doit("talk").returncode == 0
    assert small.doit("fail", "--follow").returncode == 1
