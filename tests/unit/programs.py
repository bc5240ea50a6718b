"""Programs for unit tests: stubs on PATH that record their calls, and answer from tables or with a script."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# The ends of a word and of a call in the record; no argument contains these characters.
_WORD, _CALL = "\x1f", "\x1e"
_RECORD = r"""#!/bin/sh
printf '%s\037' {name} "$@" "$(printf '\036')" >>{record}
{body}
"""


@dataclass(frozen=True)
class Answer:
    """What a program prints, and its exit code."""

    out: str = ""
    err: str = ""
    code: int = 0


@dataclass(frozen=True)
class Programs:
    """Programs that come before all others on PATH.

    Attributes:
        folder: Their folder.
        record: The file in which each of them records its calls.
    """

    folder: Path
    record: Path

    def put(self, name: str, answer: str | Answer = "", answers: Mapping[str, str | Answer] | None = None) -> None:
        """Create a program that reads its standard input and answers.

        Args:
            name: Its name.
            answer: Its default answer.
            answers: Other answers, by consecutive words that its arguments contain; the first match counts.
        """
        cases = [f"*{shlex.quote(f' {words} ')}*) {_said(one)} ;;" for words, one in (answers or {}).items()]
        lines = [
            f"cat >>{shlex.quote(str(self._input(name)))}",
            'case " $* " in',
            *cases,
            f"*) {_said(answer)} ;;",
            "esac",
        ]
        self.write(name, "\n".join(lines))

    def write(self, name: str, body: str) -> None:
        """Create a program from a shell script."""
        words = {"name": shlex.quote(name), "record": shlex.quote(str(self.record)), "body": body}
        program = self.folder / name
        program.write_text(_RECORD.format(**words), encoding="utf-8")
        program.chmod(0o755)

    @property
    def calls(self) -> list[list[str]]:
        """The calls so far: each is the name of a program and its arguments."""
        text = self.record.read_text(encoding="utf-8") if self.record.exists() else ""
        return [call.split(_WORD)[:-1] for call in text.split(_CALL + _WORD)[:-1]]

    def input(self, name: str) -> str:
        """Return what a program that answers has read from its standard input."""
        return self._input(name).read_text(encoding="utf-8")

    def _input(self, name: str) -> Path:
        return self.record.with_name(f"{name}.stdin")


def _said(answer: str | Answer) -> str:
    """Return the shell commands that give an answer."""
    answer = Answer(answer) if isinstance(answer, str) else answer
    return f"printf %s {shlex.quote(answer.out)}; printf %s {shlex.quote(answer.err)} >&2; exit {answer.code}"


@pytest.fixture
def programs(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Programs that come before all others on PATH; none at first."""
    folder = tmp_path_factory.mktemp("programs")
    made = Programs(folder / "bin", folder / "calls")
    made.folder.mkdir()
    monkeypatch.setenv("PATH", f"{made.folder}:{os.environ['PATH']}")
    return made
