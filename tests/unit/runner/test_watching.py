"""tasks.runner.watching: which changes lead to a run, and what the user reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.runner.watching import Loop, matters

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.engines.files.changes import Files

ROOT = Path("/checkout")
END = "./doit x: done; watching for changes, Ctrl-C ends it"


class EndError(Exception):
    """Ends the loop, as a signal does."""


@dataclass
class World:
    """Files that change at the given times, each look and each wait being a tick.

    Attributes:
        events: What happens whenever the loop waits without end, in order.
        codes: Exit codes of the runs.
        during: What happens during each run.
    """

    events: list[Callable[[dict[Path, tuple[int, ...]]], object]]
    codes: list[int] = field(default_factory=list)
    during: list[Callable[[dict[Path, tuple[int, ...]]], object]] = field(default_factory=list)
    files: Files = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    runs: int = 0

    def look(self) -> dict[Path, Files]:
        return {ROOT: dict(self.files)}

    def heard(self, seconds: float | None) -> bool:
        if seconds is None:
            if not self.events:
                raise EndError
            self.events.pop(0)(self.files)
        return False

    def run(self) -> int:
        self.runs += 1
        if self.during:
            self.during.pop(0)(self.files)
        return self.codes.pop(0) if self.codes else 0

    def say(self, line: str) -> None:
        self.said.append(line)


def edit(*names: str) -> Callable[[Files], None]:
    def act(files: Files) -> None:
        for name in names:
            path = Path(name) if name.startswith("/") else ROOT / name
            files[path] = (*files.get(path, ()), 1)

    return act


def watched(world: World, *words: str) -> list[str]:
    with pytest.raises(EndError):
        Loop(world, ROOT, words or ("x",)).go()
    return world.said


def test_the_first_run_is_at_once_and_an_event_without_a_change_starts_none() -> None:
    assert watched(World([edit(), edit()])) == ["Running: ./doit x", END]


def test_a_change_is_named_and_a_run_follows_whatever_the_last_one_said() -> None:
    world = World([edit("env/lab.env"), edit("kind/a", "kind/b", "kind/c", "kind/d", "/elsewhere/x.go")], codes=[1])
    assert watched(world) == [
        "Running: ./doit x",
        "./doit x: failed with exit code 1; watching for changes, Ctrl-C ends it",
        "Changed: env/lab.env",
        "Running: ./doit x",
        END,
        "Changed: kind/a, kind/b, kind/c and 2 more",
        "Running: ./doit x",
        END,
    ]


def test_changes_during_a_run_are_one_more_run() -> None:
    world = World([], during=[lambda files: [edit("a")(files), edit("b")(files)]])
    assert "Changed: a, b" in watched(world)
    assert world.runs == 2


def test_what_does_not_matter_is_not_kept_for_later() -> None:
    world = World([edit("work/patterns/other/x"), edit("work/patterns/mine/x")])
    assert watched(world, "dataflow:mine", "--option")[2] == "Changed: work/patterns/mine/x"
    assert world.runs == 2


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("work/patterns/mine/pattern.yaml", ["dataflow:mine"], True),
        ("work/patterns/mine/pattern.yaml", ["scenario:mine-multi-worker"], True),
        ("work/patterns/mine/pattern.yaml", ["dataflow:other", "scenario:mine"], True),
        ("work/patterns/mine/pattern.yaml", ["dataflow:other"], False),
        ("work/patterns/mine/pattern.yaml", ["dataflow:mi"], False),
        ("manifest/patterns/p1c1/pattern.yaml", ["dataflow:mine"], False),
        ("manifest/patterns/pattern.schema.json", ["dataflow:mine"], False),
        ("work/patterns/mine/pattern.yaml", ["dataflow"], True),
        ("work/patterns/mine/pattern.yaml", ["dataflow:*"], True),
        ("work/patterns/mine/pattern.yaml", ["dataflow:other", "controller"], True),
        ("work/functions/f/Dockerfile", ["dataflow:mine"], True),
        ("src/sample-controller/x.go", ["dataflow:mine"], True),
    ],
)
def test_the_pattern_of_another_task_does_not_matter(name: str, words: list[str], *, expected: bool) -> None:
    assert matters(name, words) is expected
