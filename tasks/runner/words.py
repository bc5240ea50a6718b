"""The words of a command line: names that are not tasks, and parameters given as NAME=value."""

from __future__ import annotations

import difflib
import os
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from doit.cmdparse import CmdOption, CmdParseError, TaskParse

from tasks.problems import Problem
from tasks.settings import credentials, paths
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from doit.task import Task

# How similar two names have to be to differ by a typing mistake only, from 0 to 1.
_SIMILAR = 0.76
_MOST = 3
_TAKE_PATTERNS = ("run", "plan", "clean")


def take(given: Mapping[str, str]) -> None:
    """Apply the parameters of a command line as if they came from the environment.

    Args:
        given: Values by name, from words such as `CLUSTER_NAME=xx`.

    Raises:
        Problem: Names are not parameters; one line for each.
    """
    if not given:
        return
    table = layers.read_file(paths.ROOT / "env" / layers.DEFAULTS, paths.ROOT)
    known = [setting.name for setting in table]
    complaints = [_complaint(name, known) for name in given if name not in known]
    if complaints:
        raise Problem("\n".join(complaints))
    os.environ.update(given)


def complaint(command: str, chosen: Sequence[str], tasks: Iterable[Task], commands: Collection[str]) -> str:
    """Return what is wrong with the names that a command was given, or an empty string.

    Args:
        command: Name of the command.
        chosen: Words after the command, without its own options.
        tasks: All tasks.
        commands: Names of all commands.
    """
    by_name = {task.name: task for task in tasks}
    targets = {target for task in by_name.values() for target in task.targets}
    rest = list(chosen)
    while rest:
        word = rest.pop(0)
        if not _is_known(word, {*by_name, *targets}, patterns=command in _TAKE_PATTERNS):
            return no_such(word, by_name, commands, command=command)
        if word in by_name:
            try:
                rest = _after_options(by_name[word], rest)
            except CmdParseError as error:
                return f"{word}: {without_parser(error)}\nTry: ./doit help {word}"
    return ""


def no_such(word: str, tasks: Iterable[str], commands: Iterable[str], *, command: str = "run") -> str:
    """Return one line about a word that names nothing, with the name that was probably meant.

    Args:
        word: What was typed.
        tasks: Names of all tasks.
        commands: Names of all commands.
        command: The command that got the word; `run` and `help` take names of commands too.
    """
    shown = [name for name in tasks if word.startswith("_") or not name.startswith("_")]
    candidates = [*shown, *(commands if command in {"run", "help"} else ())]
    what = "no such task or command" if command == "help" else "no such task"
    same_part = [name for name in shown if name.endswith(f":{word}")]
    near = same_part[:_MOST] or difflib.get_close_matches(word, candidates, n=1, cutoff=_SIMILAR)
    if near:
        return f"{word}: {what}; did you mean {' or '.join(near)}?"
    return f'{word}: {what}. Type "./doit list" to see available tasks.'


def without_parser(error: CmdParseError) -> str:
    """Return the complaint of doit's parser, without its own name and the options it prints as objects."""
    text = re.sub(r"^Error parsing (?:Command|Task): | \(parsing options: .*", "", str(error), flags=re.DOTALL)
    return re.sub(r"^Error parsing parameter '(\w+)'(?: <class '\w+'>)?\.\s*", r"\1: ", text).strip()


def _is_known(word: str, names: Collection[str], *, patterns: bool) -> bool:
    return any(fnmatchcase(name, word) for name in names) if patterns and "*" in word else word in names


def _after_options(task: Task, words: Sequence[str]) -> list[str]:
    """Return the words that are left after a task has taken its own options."""
    options = TaskParse([CmdOption(option) for option in (*task.params, *task.creator_params)])
    _, rest = options.parse(words)
    return [] if task.pos_arg is not None else list(rest)


def _complaint(name: str, known: Sequence[str]) -> str:
    if not name:
        return "a word that begins with = names no parameter"
    if name in credentials.NAMES:
        return f"{name}: is taken from the environment only, since everybody can read a command line"
    near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=_SIMILAR)
    if near:
        return f"{name}: is not a parameter; did you mean {near[0]}?"
    return f"{name}: is not a parameter; a variable for other programs goes in front: {name}=... ./doit ..."
