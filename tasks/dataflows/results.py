"""What came out of the dataflows, kept on the host: the user's own, which nothing here deletes."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.engines.files import access, atomic
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path

_ANSWER = "answer.json"
_CHECKS = "checks.json"
_FAILED = "failed"
_PART = ".received"


@dataclass(frozen=True)
class Results:
    """The folder of a pattern's results.

    Attributes:
        folder: The folder; it is made when there is something to keep.
    """

    folder: Path

    def keep_answer(self, answer: dict[str, Any]) -> Path:
        """Write the last answer as JSON, and return the file.

        Args:
            answer: What was sent and answered. Numbers that JSON does not know are written as text: "inf", "nan".

        Raises:
            Problem: It cannot be written.
        """
        path = self.folder / _ANSWER
        _write(path, answer)
        return path

    def keep_checks(self, found: dict[str, Any]) -> Path:
        """Write what the last checks of logs and of commands found as JSON, and return the file.

        Args:
            found: What was asked for and found.

        Raises:
            Problem: It cannot be written.
        """
        path = self.folder / _CHECKS
        _write(path, found)
        return path

    def keep_record(self, name: str, record: dict[str, Any]) -> None:
        """Write what was found out about a recording as JSON, beside it.

        Args:
            name: Name of the video that was sent.
            record: What was found out.

        Raises:
            Problem: It cannot be written.
        """
        _write(self.folder / f"{name}.json", record)

    def keep_video(self, received: Path, name: str, *, good: bool) -> Path:
        """Move a recording to its place, and return that.

        Args:
            received: The recording, which is in no place of its own.
            name: Name of the video that was sent.
            good: Whether it passed; what did not is kept in a folder of its own.

        Raises:
            Problem: It cannot be written.
        """
        failed = self.folder / _FAILED / name
        path = self.folder / name if good else failed
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(_PART)
            shutil.move(received, part)
            part.replace(path)
            if good:
                failed.unlink(missing_ok=True)
        except OSError as error:
            raise access.refused(path, error) from None
        return path


def of(pattern: str) -> Results:
    """Return the results of a pattern, by its name."""
    return Results(paths.RESULT / pattern)


def _write(path: Path, content: dict[str, Any]) -> None:
    atomic.write(path, json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    """Return a value with text for the numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
