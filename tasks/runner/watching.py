"""The loop of `doit watch`: looks for changes, says them, and runs, one run at a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol

from tasks.engines.files import changes
from tasks.settings import watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tasks.engines.files.changes import Files

_MOST_NAMED = 3
# Tasks of one pattern: what is in the folder of another one does not matter to them.
_OF_A_PATTERN = ("dataflow", "scenario", "delete_dataflow")


class World(Protocol):
    """What the loop needs from outside."""

    def look(self) -> dict[Path, Files]:
        """Return every file that counts, and see to it that a later change of one is heard."""

    def heard(self, seconds: float | None) -> bool:
        """Return whether something happened within so many seconds; None waits without end."""

    def run(self) -> int:
        """Run the tasks, and return the exit code."""

    def say(self, line: str) -> None:
        """Write a line for the user."""


@dataclass(frozen=True)
class Loop:
    """Runs tasks, and again after each change.

    Attributes:
        world: The files, the run and the user.
        root: The checkout, which names are relative to.
        words: The tasks, with their options.
    """

    world: World
    root: Path
    words: Sequence[str]

    def go(self) -> None:
        """Run, and go on until a signal ends it."""
        seen = self.world.look()
        self._run()
        while True:
            seen = self._after_change(seen)
            self._run()

    def _after_change(self, seen: Mapping[Path, Files]) -> dict[Path, Files]:
        """Wait until files differ from what was seen; what changed during a run differs at once."""
        while True:
            changes.await_quiet(self.world.heard)
            now = self.world.look()
            changed = list(self._that_matter(changes.differing(seen, now)))
            if changed:
                self.world.say(f"Changed: {_several(changed)}")
                return now
            seen = now
            self.world.heard(None)

    def _that_matter(self, changed: Sequence[Path]) -> Iterator[str]:
        for path in changed:
            name = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)
            if matters(name, self.words):
                yield name

    def _run(self) -> None:
        command = " ".join(["./doit", *self.words])
        self.world.say(f"Running: {command}")
        code = self.world.run()
        state = "done" if code == 0 else f"failed with exit code {code}"
        self.world.say(f"{command}: {state}; watching for changes, Ctrl-C ends it")


def matters(name: str, words: Sequence[str]) -> bool:
    """Return whether a file matters to tasks.

    Args:
        name: Path of the file from the checkout.
        words: The tasks, with their options.
    """
    path = PurePosixPath(name)
    folder = next((path.relative_to(top).parts[0] for top in watch.PATTERNS if path.is_relative_to(top)), "")
    owners = [_pattern_of(word) for word in words if not word.startswith("-")]
    if not folder or not all(owners):
        return True
    # The twin of a pattern has its name and an ending.
    return any(f"{owner}-".startswith(f"{folder}-") for owner in owners)


def _pattern_of(word: str) -> str:
    """Return the pattern that a task belongs to alone, or an empty string."""
    task, _, pattern = word.partition(":")
    return pattern if task in _OF_A_PATTERN and "*" not in pattern else ""


def _several(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
