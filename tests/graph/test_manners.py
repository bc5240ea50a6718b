"""What shell users expect of `./doit` in a pipe, under nohup, in the background, and with files it cannot open."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.graph.test_front_door import SMALL_GRAPH, child_of, is_running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import Checkout

BROKEN_PIPE = 128 + signal.SIGPIPE


@pytest.fixture
def small(checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))
    (checkout.root / "dodo.py").write_text(SMALL_GRAPH)
    return checkout


def start(checkout: Checkout, *words: str, ignored: str = "") -> subprocess.Popen[str]:
    """Start `./doit` from a shell that ignores some signals, with a pipe for each of its outputs."""
    ignoring = f"trap '' {ignored}; " if ignored else ""
    script = f'{ignoring}exec "$0" "$@"'
    return subprocess.Popen(
        ["/usr/bin/env", "--default-signal=HUP,INT,TERM", "sh", "-c", script, str(checkout.root / "doit"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def without_reader(run: subprocess.Popen[str]) -> tuple[int, str]:
    """Close the run's standard output; return its exit code and its standard error."""
    assert run.stdout
    assert run.stderr
    run.stdout.close()
    with run.stderr:
        said = run.stderr.read()
    return run.wait(60), said


@pytest.mark.parametrize(
    ("ignored", "number"), [("HUP", signal.SIGHUP), ("INT", signal.SIGINT)], ids=["nohup", "background"]
)
def test_a_signal_that_was_ignored_stays_so(small: Checkout, ignored: str, number: signal.Signals) -> None:
    run = start(small, "wait", ignored=ignored)
    child = child_of(small)
    status = Path(f"/proc/{child}/status").read_text()
    of_child = next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn"))
    run.send_signal(number)
    run.send_signal(signal.SIGTERM)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    assert output.splitlines()[-1].startswith("Stopped by SIGTERM")
    assert int(of_child, 16) >> number - 1 & 1


@pytest.mark.parametrize("words", [["list"], ["help"], ["parameters"], ["info", "images"]], ids=" ".join)
def test_a_reader_that_leaves_ends_it_as_other_programs(checkout: Checkout, words: Sequence[str]) -> None:
    assert without_reader(start(checkout, *words)) == (BROKEN_PIPE, "")


@pytest.mark.parametrize("words", [["wait"], ["-n", "2", "-P", "thread", "both"]], ids=["alone", "threads"])
def test_a_reader_that_leaves_ends_a_run_in_order(small: Checkout, words: Sequence[str]) -> None:
    assert without_reader(start(small, *words)) == (BROKEN_PIPE, "")
    assert small.doit("make").returncode == 0


def test_an_interrupt_that_ends_the_reader_too_is_the_interrupts_code(small: Checkout) -> None:
    run = start(small, "wait")
    child = child_of(small)
    assert run.stdout
    run.stdout.close()
    run.send_signal(signal.SIGINT)
    assert without_reader(run) == (128 + signal.SIGINT, "")
    assert not is_running(child)


def test_a_full_disk_under_the_output_is_said(checkout: Checkout) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [checkout.root / "doit", "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "the output could not be written: No space left on device\n")


@pytest.mark.parametrize("damage", ["header", "page", "text", "folder"])
def test_a_damaged_database_is_set_aside_and_made_again(checkout: Checkout, damage: str) -> None:
    assert checkout.doit("parameters").returncode == 0
    file = checkout.root / "build" / "doit.db"
    if damage == "folder":
        file.unlink()
        file.mkdir()
    elif damage == "text":
        with contextlib.closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("insert or replace into doit values ('parameters', '{')")
    else:
        content = bytearray(file.read_bytes())
        start = 0 if damage == "header" else 4096
        content[start : start + 64] = b"\xff" * 64
        file.write_bytes(content)
    done = checkout.doit("parameters")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert line.startswith("build/doit.db: damaged (")
    (kept,) = file.parent.glob("doit.db.damaged-*")
    assert line.endswith(f"a new one is made, this one is kept as {kept.name}")
    assert checkout.doit("parameters").stderr == ""


def test_a_database_that_another_program_has_locked_is_one_line(checkout: Checkout) -> None:
    assert checkout.doit("parameters").returncode == 0
    file = checkout.root / "build" / "doit.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("begin immediate")
        done = checkout.doit("images")
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "build/doit.db: another program has locked it",
        f"Try: fuser -v '{file}' shows which",
    ]


def test_a_file_in_place_of_the_build_folder_is_one_line(checkout: Checkout) -> None:
    build = checkout.root / "build"
    build.write_text("mine")
    done = checkout.doit("list")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        "ERROR: build: is in the way of a folder of that name",
        f"Try: mv '{build}' '{build}.old'",
    ]
    assert build.read_text() == "mine"
