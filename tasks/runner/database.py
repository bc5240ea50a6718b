"""The task database: what doit remembers between runs. A damaged one is set aside: tasks check the world anyway."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from doit.dependency import DatabaseException, SqliteDB
from doit.exceptions import InvalidDodoFile

from tasks.engines.files import access
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable

# Parts of SQLite's own words (sqlite.org/rescode.html); Python 3.10 does not give its codes.
_LOCKED = "locked"
_OF_ANOTHER_FORM = "no such column"
_EMPTY = "no such table"
_ROWS = "select task_id, task_data from doit"


class TaskDatabase(SqliteDB):  # type: ignore[misc]
    """doit's SQLite file, whose errors are one line each."""

    desc = "a SQLite file that is made again when it is damaged"
    # Set by a run, which continues even if nothing can be remembered.
    in_run = False

    def _sqlite3(self, name: str) -> sqlite3.Connection:
        """Open or create the file.

        Raises:
            InvalidDodoFile: It cannot be opened; doit shows the line.
        """
        path = Path(name)
        try:
            damage = _damage(path)
            if damage:
                _set_aside(path, damage)
            return super()._sqlite3(name)  # type: ignore[no-any-return]
        except DatabaseException as wrapped:
            raise InvalidDodoFile(str(_explained(path, wrapped.__context__ or wrapped))) from None
        except (OSError, sqlite3.Error) as error:
            raise InvalidDodoFile(str(_explained(path, error))) from None

    def dump(self) -> None:
        """Write what has changed and close the file."""
        self._attempt(super().dump)
        self._conn.close()

    def remove(self, task_id: str) -> None:
        """Forget a task."""
        self._attempt(lambda: super(TaskDatabase, self).remove(task_id))

    def remove_all(self) -> None:
        """Forget all tasks."""
        self._attempt(super().remove_all)

    def _attempt(self, change: Callable[[], object]) -> None:
        try:
            change()
        except sqlite3.Error as error:
            problem = _explained(Path(self.name), error)
            if not TaskDatabase.in_run:
                raise InvalidDodoFile(str(problem)) from None
            sys.stderr.write(f"{problem}\nThe next run looks again at what this one found.\n")
            self._dirty: set[str] = set()
            with contextlib.suppress(sqlite3.Error):
                self._conn.rollback()


def make_folder() -> None:
    """Create the folder of the database, because doit does not.

    Raises:
        InvalidDodoFile: It cannot be created; doit shows the line.
    """
    try:
        paths.BUILD.mkdir(exist_ok=True)
    except OSError as error:
        raise InvalidDodoFile(str(access.refused(paths.BUILD, error))) from None


def check(path: Path) -> None:
    """Stop before anything is touched if the run cannot be remembered.

    Args:
        path: The database; one that does not exist yet is created later.

    Raises:
        Problem: It cannot be written.
    """
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("begin immediate")
            connection.rollback()
    except sqlite3.Error as error:
        raise _explained(path, error) from None


def _damage(path: Path) -> str:
    """Return what is wrong with the file itself, or an empty string.

    Raises:
        sqlite3.Error: It cannot be read.
    """
    if path.is_dir():
        return "a folder"
    if not path.exists():
        return ""
    try:
        # The URI keeps SQLite from creating the file if another process removes it at this moment.
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            checked = connection.execute("pragma quick_check(1)").fetchone()[0]
            for _, data in connection.execute(_ROWS):
                json.loads(data)
    except sqlite3.OperationalError as error:
        if _OF_ANOTHER_FORM in str(error):
            return str(error)
        if _EMPTY in str(error):
            return ""
        raise
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        return str(error)
    return "" if checked == "ok" else str(checked).splitlines()[0]


def _set_aside(path: Path, damage: str) -> None:
    kept = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):  # another process did it
        path.replace(kept)
        path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
        sys.stderr.write(f"{_shown(path)}: damaged ({damage}); a new one is made, this one is kept as {kept.name}\n")


def _explained(path: Path, error: BaseException) -> Problem:
    """Return why the database cannot be used; the system's own reason if it has one."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(descriptor)
    except BlockingIOError:
        pass
    except OSError as refusal:
        return access.refused(path, refusal)
    if isinstance(error, OSError):
        return access.refused(path, error)
    if _LOCKED in str(error):
        return Problem(f"{_shown(path)}: another program has locked it", hint=f"fuser -v '{path}' shows which")
    return Problem(f"{_shown(path)}: {error}", hint=f"df -h '{path.parent}'")


def _shown(path: Path) -> Any:
    return path.relative_to(paths.ROOT) if paths.ROOT in path.parents else path
