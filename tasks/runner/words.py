"""The words of a command line: the tasks that they name, in any spelling, and parameters given as NAME=value."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from doit.cmdparse import CmdOption, CmdParseError, TaskParse
from doit.exceptions import InvalidCommand

from tasks import similar
from tasks.problems import Problem
from tasks.runner import refused
from tasks.settings import credentials, makefile, paths, spellings
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from doit.task import Task

# How similar two names have to be to differ by a typing mistake only, from 0 to 1.
_SIMILAR = 0.76
_MOST = 3
# Commands whose further words are another program's.
_PASS_ON = ("kubectl",)
_TAKE_PATTERNS = ("run", "plan", "clean", "watch")
# Commands that refuse a task which cannot be run.
_REFUSE = ("run", "plan")


def part(typed: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words that are doit's, and those after the name of a command that passes them on.

    Args:
        typed: Words of the command line.
    """
    first = next((at for at, word in enumerate(typed) if "=" not in word), len(typed))
    end = first + 1 if first < len(typed) and typed[first] in _PASS_ON else len(typed)
    return list(typed[:end]), list(typed[end:])


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


@dataclass(frozen=True)
class Chosen:
    """What the words after a command stand for.

    Attributes:
        words: Names of tasks, each once and followed by its options.
        notes: One line for each target of the original's Makefile that has nothing to do here.
    """

    words: tuple[str, ...]
    notes: tuple[str, ...]


def choose(command: str, given: Sequence[str], tasks: Iterable[Task], commands: Collection[str]) -> Chosen:
    """Return what a command was given, with the tasks' own names in place of other spellings.

    Args:
        command: Name of the command.
        given: Words after the command, without its own options.
        tasks: All tasks.
        commands: Names of all commands.

    Raises:
        InvalidCommand: A word names no task, or one that cannot be run, or a task has no such option.
    """
    by_name = {task.name: task for task in tasks}
    targets = {target for task in by_name.values() for target in task.targets}
    rest, found, notes = list(given), dict[tuple[str, ...], None](), []
    while rest:
        word = rest.pop(0)
        reason = spellings.replaced(word)
        if reason:
            notes.append(f"{word}: {reason}")
            continue
        is_pattern = command in _TAKE_PATTERNS and "*" in word
        names = (spellings.matching if is_pattern else spellings.tasks)(word, [*by_name, *targets])
        if not names:
            raise InvalidCommand(no_such(word, by_name, commands, command=command))
        if command in _REFUSE:
            _require_possible((by_name[name] for name in names if name in by_name), is_pattern=is_pattern)
        options = () if is_pattern else _options(word, by_name.get(names[-1]), rest)
        rest = rest[len(options) :]
        found |= dict.fromkeys([*((name,) for name in names[:-1]), (names[-1], *options)])
    return Chosen(tuple(word for part in found for word in part), tuple(notes))


def _require_possible(tasks: Iterable[Task], *, is_pattern: bool) -> None:
    """Refuse tasks that cannot be run; a pattern leaves out those that can be run nowhere.

    Raises:
        InvalidCommand: There is one; the lines say why.
        Problem: Some parameters are wrong, so that it is not known on which cluster it would run.
    """
    reasons = (refused.by_target,) if is_pattern else (refused.by_itself, refused.by_target)
    lines = [line for task in tasks for find in reasons for line in find(task)]
    if lines:
        raise InvalidCommand("\n".join(lines))


def no_such(word: str, tasks: Iterable[str], commands: Iterable[str], *, command: str = "run") -> str:
    """Return one line about a word that names nothing, with the name that was probably meant.

    Args:
        word: What was typed.
        tasks: Names of all tasks.
        commands: Names of all commands.
        command: The command that got the word; `run` and `help` take names of commands too.
    """
    shown = [name for name in tasks if word.startswith("_") or not name.startswith("_")]
    candidates = [*shown, *makefile.TARGETS, *(commands if command in {"run", "help"} else ())]
    what = "no such task or command" if command == "help" else "no such task"
    same_part = [name for name in shown if spellings.key(name).endswith(f":{spellings.key(word)}")]
    near = same_part[:_MOST] or _nearest(word, candidates)
    if near:
        return f"{word}: {what}; did you mean {' or '.join(near)}?"
    return f'{word}: {what}. Type "./doit list" to see available tasks.'


def _nearest(word: str, candidates: Iterable[str]) -> list[str]:
    """Return the name that is most similar to a word, however it is spelled; none if there is no such name."""
    by_key = {spellings.key(name): name for name in reversed([*candidates])}
    near = similar.nearest(spellings.key(word), by_key, _SIMILAR)
    return [by_key[near]] if near else []


def without_parser(error: CmdParseError) -> str:
    """Return the complaint of doit's parser, without its own name and the options it prints as objects."""
    text = re.sub(r"^Error parsing (?:Command|Task): | \(parsing options: .*", "", str(error), flags=re.DOTALL)
    return re.sub(r"^Error parsing parameter '(\w+)'(?: <class '\w+'>)?\.\s*", r"\1: ", text).strip()


def _options(word: str, task: Task | None, rest: Sequence[str]) -> tuple[str, ...]:
    """Return the words that a task takes as its own options.

    Raises:
        InvalidCommand: It has no such option.
    """
    if task is None or task.pos_arg is not None:
        return tuple(rest) if task else ()
    parser = TaskParse([CmdOption(option) for option in (*task.params, *task.creator_params)])
    try:
        _, others = parser.parse(rest)
    except CmdParseError as error:
        raise InvalidCommand(f"{word}: {without_parser(error)}\nTry: ./doit help {word}") from None
    return tuple(rest[: len(rest) - len(others)])


def _complaint(name: str, known: Sequence[str]) -> str:
    if not name:
        return "a word that begins with = names no parameter"
    if name in credentials.NAMES:
        return f"{name}: is taken from the environment only, since everybody can read a command line"
    if name in makefile.VARIABLES:
        return f"{name}: is not a parameter: {makefile.VARIABLES[name]}"
    near = similar.nearest(name.upper(), known, _SIMILAR)
    if near:
        return f"{name}: is not a parameter; did you mean {near}?"
    return f"{name}: is not a parameter; a variable for other programs goes in front: {name}=... ./doit ..."
