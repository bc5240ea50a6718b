"""How a run looks in a log and on a terminal."""

from __future__ import annotations

import io
import itertools
import re

import pytest

from tasks.runner import screen


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.2, "59 s"), (60, "1 min 0 s"), (3725, "62 min 5 s")],
)
def test_durations_are_said_as_people_do(seconds: float, text: str) -> None:
    assert screen.duration(seconds) == text


def test_a_log_has_the_start_of_a_task_and_a_step_every_ten_seconds() -> None:
    seconds, stream = itertools.count(100.0), io.StringIO()
    assert isinstance(screen.open_screen(stream), screen.Plain)
    plain = screen.Plain(stream, lambda: next(seconds))
    plain.start("image:x")
    for number in range(25):
        plain.step("image:x", f"step {number}")
    plain.end("image:x")
    plain.write("image:x: done")
    assert stream.getvalue().splitlines() == ["image:x ...", "image:x: step 9", "image:x: step 19", "image:x: done"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_running_tasks_and_keeps_written_lines_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    live = screen.open_screen(stream)
    live.start("image:x")
    live.step("image:x", "[1/5] RUN apt-get")
    live.write("a [bold]line[/bold] to keep")
    live.end("image:x")
    live.write("image:x: done")
    shown = stream.getvalue()
    assert "image:x" in shown
    assert "a [bold]line[/bold] to keep\n" in shown
    assert shown.endswith("image:x: done\n")
    assert "\x1b[?25h" in shown, "the cursor is shown again"


@pytest.mark.parametrize("name", ["dumb", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_shows_what_runs_as_lines(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TERM", name)
    stream = Terminal()
    shown = screen.open_screen(stream)
    shown.start("image:x")
    shown.end("image:x")
    assert stream.getvalue() == "image:x ...\n"


def test_a_long_step_is_cut_and_the_tasks_name_and_time_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    live = screen.open_screen(stream)
    live.start("image:kind-ubuntu-node")
    live.step("image:kind-ubuntu-node", "\x1b[31mold\rnew " + "x" * 200)
    assert isinstance(live, screen.Live)
    live._live.refresh()
    live.end("image:kind-ubuntu-node")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())
    drawn = [line for line in re.split(r"[\r\n]+", shown) if "new xxx" in line]
    assert drawn
    for line in drawn:
        assert re.match(r"image:kind-ubuntu-node +0\.\d s new x+…$", line)
        assert len(line) <= 60


def test_a_paused_terminal_is_left_alone_until_the_next_task() -> None:
    stream = Terminal()
    live = screen.open_screen(stream)
    live.start("test")
    live.pause()
    before = stream.getvalue()
    live.step("test", "running")
    assert stream.getvalue() == before
    live.end("test")
    live.close()


@pytest.mark.parametrize(
    ("variables", "is_terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colours_are_for_terminals_of_those_who_want_them(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], *, is_terminal: bool, expected: bool
) -> None:
    for name, value in {"TERM": "xterm", **variables}.items():
        monkeypatch.setenv(name, value)
    if "NO_COLOR" not in variables:
        monkeypatch.delenv("NO_COLOR", raising=False)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: is_terminal)
    assert screen.has_colours(stream) is expected
