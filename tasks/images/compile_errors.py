"""What compilers complain about, as `file:line: words` with the file that the user edits."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # Returns the file that the user edits for the path that a compiler names, or an empty string for other files.
    Edited = Callable[[str], str]

_HINT = "mend it, then the same command; until then the cluster runs what it ran before"
# Go names files relative to where it runs.
_GO = re.compile(r"^(?:vet: )?(?:\./)?(?P<file>[^\s:]+\.go):(?P<place>\d+(?::\d+)?): (?P<words>.+)$", re.MULTILINE)
# Python's compiler, in the lines of a build: the file, the line of code, and then what is wrong with it.
_PYTHON = re.compile(
    r'File "(?P<file>[^"\n]+)", line (?P<place>\d+)\n(?:(?!.*File ").*\n){0,4}?[^\n]*?\b(?P<words>\w+Error: [^\n]+)'
)
_MOST = 10


class NotCompiled(Problem):
    """Source that does not compile: one line for each complaint."""


@contextmanager
def located(edited: Edited) -> Iterator[None]:
    """Turn the failure of a compiler in the block into lines that name the user's own files.

    Args:
        edited: Returns the file that the user edits for one that the compiler names.

    Raises:
        NotCompiled: One line for each complaint.
        Problem: Any other failure, as it is.
    """
    try:
        yield
    except Problem as problem:
        if lines := complaints(problem.details, edited):
            raise NotCompiled("\n".join(lines), hint=_HINT) from problem
        raise


def complaints(said: str, edited: Edited) -> list[str]:
    """Return what a compiler complains about in the user's files, one line each.

    Args:
        said: Its output.
        edited: Returns the file that the user edits for one that the compiler names.
    """
    found = [match for form in (_GO, _PYTHON) for match in form.finditer(said)]
    lines = [f"{file}:{match['place']}: {match['words']}" for match in found if (file := edited(match["file"]))]
    return list(dict.fromkeys(lines))[:_MOST]
