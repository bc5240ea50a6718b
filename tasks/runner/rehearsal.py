"""Makes, for a plan, what tasks would make of files alone: in a folder of its own, which is removed at the end."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.lack import Lack


class Rehearsal(ExitStack):
    """What a plan has made so far; the checks of later tasks see it in place of what is in build/."""

    def examined(self, check: Callable[[], Lack], make: Callable[[], object]) -> Callable[[], Lack]:
        """Return the check of a task, after its result has been made if it lacks something.

        Args:
            check: Finds what the task lacks.
            make: Makes its result in the folder that stands in place of build/.
        """
        try:
            found = check()
        except Exception:  # noqa: BLE001 - the plan meets it again, and says what follows
            return check
        if found and not found.obstacles:
            found = self._made(found, make)
        return lambda: found

    def _made(self, found: Lack, make: Callable[[], object]) -> Lack:
        """Make a result, and return what its task lacks: what keeps it from being made stops a run too."""
        folder = self.enter_context(tempfile.TemporaryDirectory(prefix="plan-"))
        self.enter_context(paths.rehearsed_in(Path(folder)))
        try:
            make()
        except Problem as problem:
            return found + lacks.obstacle(*problem.message.splitlines())
        return found
