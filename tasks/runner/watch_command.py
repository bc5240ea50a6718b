"""The command `doit watch [task...]`: runs tasks again when what they are made from changes."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.engines.files import lock
from tasks.engines.files.changes import Sources, Watcher
from tasks.engines.programs import interrupts, shell
from tasks.engines.programs.waiting import Condition
from tasks.problems import Problem
from tasks.runner.commands import Command
from tasks.runner.meta import AFTERWARDS, WATCHED
from tasks.runner.watching import Loop
from tasks.settings import paths, watch
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from doit.task import Task

    from tasks.engines.files.changes import Files

_REFUSED = 3
_COMMAND = "./doit watch"
_USAGE = f"""\
Usage: {_COMMAND} [TASK ...]

Runs the tasks, and again after each change of what they are made from. When
none is named: controller, and the dataflows that are deployed.

It watches {", ".join(watch.SOURCES[:5])},
{", ".join(watch.SOURCES[5:])}, and the folder that CONTROLLER names.
A failed run does not end it; Ctrl-C does.
"""


class Watch(Command):
    """Runs tasks again and again."""

    name = "watch"
    doc_purpose = "run tasks again when what they are made from changes"
    doc_usage = "[TASK ...] (controller and the deployed dataflows when none is named)"
    doc_description = None
    cmd_options = ()

    def help(self) -> str:
        """Return the usage; doit's own options mean nothing here."""
        return _USAGE.rstrip()

    def _help(self, in_args: list[str]) -> int:  # noqa: ARG002 - the signature of Command
        sys.stdout.write(_USAGE)
        return 0

    def execute(self, params: Any, args: list[str]) -> int:
        """Watch until a signal ends it.

        Args:
            params: Options of doit.
            args: The tasks, with their options; doit puts the tasks' own names in place of other spellings.

        Raises:
            Problem: A task would not end by itself.
            SystemExit: A signal ended it.
        """
        self._words = args
        return int(super().execute(params, args) or 0)

    def _execute(self) -> int:
        # A whole comes before single parts: the controller before a dataflow on it.
        words = self._words or sorted(_default(self.task_list), key=lambda name: ":" in name)
        self.dep_manager.close()
        _require_ending(words, self.task_list)
        restore = interrupts.catch()
        world = _Checkout(words)
        try:
            Loop(world, paths.ROOT, words).go()
        finally:
            world.watcher.end()
            shell.stop_all()
            restore()
        return 0


def _default(tasks: list[Task]) -> Iterator[str]:
    for task in tasks:
        yield from (task.meta or {}).get(WATCHED, list)()


def _require_ending(words: list[str], tasks: list[Task]) -> None:
    endless = {f"--{option}" for task in tasks for option, _ in filter(None, [(task.meta or {}).get(AFTERWARDS)])}
    for word in endless.intersection(words):
        raise Problem(
            f"watch: {word} goes on until Ctrl-C, so that no change would be seen",
            hint=f"./doit {' '.join(words)} in another terminal",
        )


@dataclass
class _Checkout:
    """This checkout, its runs and its user.

    Attributes:
        words: The tasks, with their options.
        watcher: What hears of changes.
    """

    words: list[str]
    watcher: Watcher = field(default_factory=Watcher)

    def look(self) -> dict[Path, Files]:
        places = (*(paths.ROOT / source for source in watch.SOURCES), *_controller())
        notice = self.watcher.follow(places)
        if notice is not None:
            self.say(str(notice))
        return Sources(places, watch.IGNORED).seen()

    def heard(self, seconds: float | None) -> bool:
        return self.watcher.bell.heard(seconds)

    def run(self) -> int:
        while True:
            self._await_turn()
            code = shell.run_attached([paths.ROOT / "doit", "run", *self.words], cwd=paths.ROOT)
            # Another run may have begun at the very same time.
            if code != _REFUSED or lock.holder(paths.RUN_LOCK, _COMMAND) is None:
                return code

    def say(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    def _await_turn(self) -> None:
        """Wait until no other run is under way here, and say for whom."""
        holder = lock.holder(paths.RUN_LOCK, _COMMAND)
        if holder is not None:
            self.say(f"{holder.message}: waiting for it to end")
            free = Condition("run", lambda: lock.holder(paths.RUN_LOCK, _COMMAND), lambda seen: seen is None)
            free.wait(math.inf)


def _controller() -> tuple[Path, ...]:
    """Return the folder with the source of the controller, if CONTROLLER names one."""
    try:
        setting = layers.read(paths.ROOT, os.environ).settings[watch.CONTROLLER]
        place = Path(setting.value).expanduser()
    except (Problem, RuntimeError):
        return ()  # the run says what is wrong, also that there is no such home
    return (place,) if place.is_absolute() else ()
