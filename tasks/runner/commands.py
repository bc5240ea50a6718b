"""doit's commands as this project offers them: their help, their refusals, and parameters as words.

pyproject.toml names the loader and each class, so that `./doit` and the `doit` of an activated .venv do the same.
"""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from doit import (
    cmd_clean,
    cmd_forget,
    cmd_help,
    cmd_ignore,
    cmd_list,
    cmd_resetdep,
    cmd_run,
    cmd_strace,
    loader,
    plugin,
)
from doit import doit_cmd as front
from doit.cmd_base import DodoTaskLoader, DoitCmdBase
from doit.cmdparse import CmdParseError
from doit.exceptions import InvalidCommand

from tasks import progress
from tasks.problems import Problem
from tasks.runner import side_by_side, words
from tasks.runner.meta import AFTERWARDS
from tasks.runner.reporter import Reporter
from tasks.runner.screen import Lines, has_colours

if TYPE_CHECKING:
    from collections.abc import Callable

_DONE, _FAILED, _REFUSED = 0, 1, 3
_HELP_OPTIONS = frozenset({"--help", "-h"})
_USAGE = """\
OpenKasugai all-in-one: node images, kind cluster, controller, dataflows

Usage: ./doit [COMMAND] [TASK ...] [NAME=value ...]

Commands (`run` where none is named):
{commands}

  ./doit help COMMAND, ./doit help TASK   its options
  ./doit list                             the tasks (--all with sub-tasks)
  ./doit parameters                       what NAME may be, and what holds
  ./doit                                  where you stand, and what comes next
"""


class Loader(DodoTaskLoader):  # type: ignore[misc]
    """Loads dodo.py, and puts the tasks' own names in place of the words that a command was given."""

    def __init__(self) -> None:
        """Set doit's name; doit creates its loader before anything else."""
        super().__init__()
        # The name of doit in its messages; started as a module, it would call itself `-m`.
        front.DoitMain.BIN_NAME = "./doit"
        # `--help` uses this class without a look into the table of commands.
        front.Help = Help
        # Words of another program are not parameters, even if they are of the form NAME=value.
        front.DoitMain.process_args = _own_words
        # No package of .venv has plugins of doit; looking for them would read what each package says of itself.
        plugin.entry_points_impl = lambda: _no_entry_points
        # With its own order on threads; doit asks its module for the class.
        cmd_run.MThreadRunner = side_by_side.SideBySide
        # Of a creator's source, only the line where it begins is asked for; the whole would be read and taken apart.
        loader.inspect = SimpleNamespace(**{**vars(inspect), "getsourcelines": _first_line})

    def load_tasks(self, cmd: Any, pos_args: list[str]) -> list[Any]:
        """Return the tasks, and change `pos_args` in place, which doit reads after this.

        Raises:
            InvalidCommand: A word names no task, or a task has no such option.
            SystemExit: The words are only targets of the original's Makefile that have nothing to do here.
        """
        tasks: list[Any] = super().load_tasks(cmd, pos_args)
        chosen = words.choose(cmd.name, pos_args, tasks, self.cmd_names)
        sys.stderr.writelines(f"{note}\n" for note in chosen.notes)
        if pos_args and not chosen.words:
            raise SystemExit(_DONE)
        pos_args[:] = chosen.words
        return tasks


def _no_entry_points(*, group: str) -> tuple[()]:
    del group
    return ()


def _first_line(creator: Any) -> tuple[list[str], int]:
    return [], creator.__code__.co_firstlineno


def _own_words(main: Any, typed: list[str], take: Callable[..., list[str]] = front.DoitMain.process_args) -> list[str]:
    """Return what doit itself returns, the words without those of the form NAME=value, but leave kubectl its words.

    Raises:
        SystemExit: A word is empty.
    """
    own, passed_on = words.part(typed)
    if "" in own:
        sys.stderr.write("An empty word names no task: is a variable of the command line empty?\n")
        raise SystemExit(_REFUSED)
    return [*take(main, own), *passed_on]


class Command(DoitCmdBase):  # type: ignore[misc]
    """What all commands share: `--help`, parameters as words, and one line for each refusal.

    Attributes:
        refused: Exit code if a word is refused.
    """

    refused = _REFUSED

    def __init__(self, cmds: Any = None, **options: Any) -> None:
        """Keep the other commands for `--help`."""
        super().__init__(cmds=cmds, **options)
        self._others = cmds

    def parse_execute(self, in_args: list[str]) -> Any:
        """Run the command.

        Args:
            in_args: Words after the command's name, without those of the form NAME=value.

        Returns:
            The exit code; None means 0.
        """
        if not _HELP_OPTIONS.isdisjoint(in_args):
            return self._help(in_args)
        try:
            words.take(front._CMDLINE_VARS or {})  # noqa: SLF001 - doit itself gives only single ones, by name
            return self._flush(super().parse_execute(in_args))
        except BrokenPipeError:
            # The reader is gone; at exit, Python would fail again to write what it still holds.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 128 + signal.SIGPIPE
        except CmdParseError as error:
            sys.stderr.write(f"ERROR: {words.without_parser(error)}\nTry: ./doit {self.name} --help\n")
        except (InvalidCommand, Problem) as refusal:
            sys.stderr.write(f"{refusal}\n")
        return self.refused

    @staticmethod
    def _flush(code: Any) -> Any:
        sys.stdout.flush()
        return code

    def _help(self, in_args: list[str]) -> Any:
        """Show the usage of the first task that is named, or of the command if none is."""
        named = [word for word in in_args if not word.startswith("-")] if self.name == "run" else [self.name]
        helper = Help(cmds=self._others, task_loader=self.loader, config=self.config, bin_name=self.bin_name)
        return helper.parse_execute(named[:1])


class Run(Command, cmd_run.Run):  # type: ignore[misc]
    """Runs tasks."""

    doc_usage = "[TASK ...]"

    def execute(self, params: Any, args: list[str]) -> int:
        """Run, and after a run without failures do what a task's options ask for.

        Args:
            params: Options of doit.
            args: The tasks, with their options.
        """
        code = int(super().execute(params, args) or _DONE)
        return code or next((_go_on(task) for task in self.task_list if _is_asked_to_go_on(task)), _DONE)

    @functools.wraps(cmd_run.Run._execute)  # noqa: SLF001 - doit asks the function for the names of its arguments
    def _execute(self, **options: Any) -> Any:
        wanted = options["num_process"]
        Reporter.threads = max(wanted, 1)
        return super()._execute(**{**options, "num_process": side_by_side.threads(wanted)})


def _is_asked_to_go_on(task: Any) -> bool:
    option, _ = (task.meta or {}).get(AFTERWARDS, ("", None))
    return bool((task.options or {}).get(option))


def _go_on(task: Any) -> int:
    """Do what goes on after a run until a signal ends it."""
    ends = progress.listen(Lines(sys.stdout))
    try:
        task.meta[AFTERWARDS][1](coloured=has_colours(sys.stdout))
    except KeyboardInterrupt:
        return _DONE
    except Problem as problem:
        sys.stderr.write(f"{problem}\n")
        return _FAILED
    finally:
        ends()
    return _DONE


class List(Command, cmd_list.List):  # type: ignore[misc]
    """Lists the tasks."""

    doc_purpose = "list the tasks (--all with sub-tasks)"


class Clean(Command, cmd_clean.Clean):  # type: ignore[misc]
    """Does the same as the task of that name."""

    doc_purpose = "delete everything that was made, but the cache"


class Forget(Command, cmd_forget.Forget):  # type: ignore[misc]
    """Clears what the task database holds about tasks."""

    doc_purpose = "clear what the task database holds of a task"


class Ignore(Command, cmd_ignore.Ignore):  # type: ignore[misc]
    """Leaves a task out of runs."""

    doc_purpose = "leave a task out until it is forgotten"


class ResetDep(Command, cmd_resetdep.ResetDep):  # type: ignore[misc]
    """Saves the state of file dependencies."""

    doc_purpose = "save the state of file dependencies, run nothing"


class Strace(Command, cmd_strace.Strace):  # type: ignore[misc]
    """Lists the files that a task uses."""

    doc_purpose = "list the files that a task reads, by strace"


class DumpDB(Command):
    """Always refuses: doit's own command reads only another kind of database."""

    doc_usage = ""
    doc_description = None
    doc_purpose = "not for this database, which is SQLite"

    def execute(self, opt_values: Any, pos_args: list[str]) -> int:  # noqa: ARG002 - doit's signature
        """Say which program reads the database.

        Raises:
            Problem: Always.
        """
        raise Problem("dumpdb reads dbm files only; build/doit.db is SQLite: sqlite3 build/doit.db .dump")


class Help(Command, cmd_help.Help):  # type: ignore[misc]
    """Shows the commands, or the options of one command or task."""

    doc_purpose = "show the commands, or the options of one"
    doc_usage = "[COMMAND | TASK]"

    def parse_execute(self, in_args: list[str]) -> Any:
        """Show the help; `help --help` is the same as `help help`."""
        return super().parse_execute([self.name if word in _HELP_OPTIONS else word for word in in_args])

    def print_usage(self, cmds: dict[str, Any]) -> None:
        """Print what can be typed after `./doit`.

        Args:
            cmds: Classes of the commands by name.
        """
        rows = [f"  {self.bin_name} {name:<14}  {cmds[name].doc_purpose}" for name in sorted(cmds)]
        sys.stdout.write(_USAGE.format(commands="\n".join(rows)))

    def execute(self, params: Any, args: list[str]) -> int:
        """Show the help for what `args` names.

        Raises:
            InvalidCommand: There is no such task or command, or more than one is named.
        """
        if len(args) > 1:
            raise InvalidCommand(f"help: one command or task at a time, not {' '.join(args)}")
        if args and args[0] not in self.cmds and args[0] != "task":
            DoitCmdBase.execute(self, params, args)
            return _DONE
        return int(super().execute(params, args))
