"""Which files of some places changed, and when to look again."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from tasks.engines.files import trees
from tasks.problems import Problem

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from watchdog.observers.api import BaseObserver, ObservedWatch

# Seconds without an event after which a save, or a checkout of another branch, is taken to be complete.
_QUIET = 0.3
# Events that never end, such as those of a log, do not put off the look for longer than this.
_LONGEST = 5.0
_POLL = 1.0
_LIMITS = (errno.ENOSPC, errno.EMFILE)
# Reading a file is no event.
_EVENTS = [
    *(FileCreatedEvent, FileModifiedEvent, FileClosedEvent, FileMovedEvent, FileDeletedEvent),
    *(DirCreatedEvent, DirMovedEvent, DirDeletedEvent),
]

# A file's place in time: what any change of its content or its rights changes.
Stamp = tuple[int, ...]
Files = dict[Path, Stamp]


@dataclass(frozen=True)
class Sources:
    """Files and folders, and the names that do not count in them.

    Attributes:
        places: The files and folders; they may be absent.
        ignored: Patterns of names, as a shell has them.
    """

    places: tuple[Path, ...]
    ignored: tuple[str, ...] = ()

    def seen(self) -> dict[Path, Files]:
        """Return every file that counts, by its place."""
        foreign = trees.matching(self.ignored)
        return {place: dict(_files(place, foreign)) for place in self.places}


def differing(before: Mapping[Path, Files], after: Mapping[Path, Files]) -> list[Path]:
    """Return the files that changed, came or went; places that are in only one of the two looks do not count.

    Args:
        before: What `Sources.seen` returned.
        after: What it returned later.
    """
    found: set[Path] = set()
    for place in before.keys() & after.keys():
        old, new = before[place], after[place]
        found |= {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    return sorted(found)


def _files(place: Path, foreign: re.Pattern[str]) -> Iterator[tuple[Path, Stamp]]:
    """Yield a file, or all files in a folder; one that is gone at this moment is left out."""
    if not place.is_dir():
        yield from _stamped(place)
        return
    for folder, folders, files in os.walk(place):
        folders[:] = [name for name in folders if not foreign.match(name)]
        for name in files:
            if not foreign.match(name):
                yield from _stamped(Path(folder, name))


def _stamped(path: Path) -> Iterator[tuple[Path, Stamp]]:
    try:
        facts = path.lstat()
    except OSError:
        return
    yield path, (facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_mode)


class Bell:
    """Rings when something may have changed."""

    def __init__(self) -> None:
        """Start silent."""
        self._rung = threading.Event()

    def ring(self) -> None:
        """Wake the one who listens, now or as soon as it listens."""
        self._rung.set()

    def heard(self, seconds: float | None) -> bool:
        """Return whether it rings within so many seconds; None waits without end."""
        rung = self._rung.wait(seconds)
        self._rung.clear()
        return rung


def await_quiet(heard: Callable[[float], bool]) -> None:
    """Return once nothing was heard for a moment, or after some seconds without any quiet.

    Args:
        heard: Returns whether something happened within so many seconds, as `Bell.heard`.
    """
    for _ in range(round(_LONGEST / _QUIET)):
        if not heard(_QUIET):
            return


class _Ringer(FileSystemEventHandler):
    """Rings at every event of a folder, or, if only some paths count in it, at those of these paths."""

    def __init__(self, bell: Bell, paths: Collection[str] | None) -> None:
        self._bell = bell
        self._paths = paths

    def on_any_event(self, event: Any) -> None:
        if self._paths is None or not {event.src_path, event.dest_path}.isdisjoint(self._paths):
            self._bell.ring()


class Watcher:
    """Rings a bell when something happens in some places, also in those that are not there yet.

    Attributes:
        bell: What it rings.
    """

    def __init__(self, observer: Callable[[], BaseObserver] = Observer) -> None:
        """Watch nothing yet.

        Args:
            observer: Makes what is told by the system of each event.
        """
        self.bell = Bell()
        self._observer = observer()
        self._observer.start()
        self._watched: dict[tuple[Path, bool], tuple[int, ObservedWatch]] = {}
        self._paths: set[str] = set()

    def follow(self, places: Iterable[Path]) -> Problem | None:
        """Watch places from now on, and no others.

        Args:
            places: Files and folders, which may be absent.

        Returns:
            Why the system tells nothing of events, so that the places are looked at every second from now on.
        """
        places = tuple(places)
        wanted = set(_targets(places))
        # What comes and goes beside a place, such as in a home folder, does not matter.
        self._paths = {str(path) for place in places for path in (place, *place.parents)}
        try:
            self._follow(wanted)
        except OSError as error:
            if error.errno not in _LIMITS or isinstance(self._observer, PollingObserver):
                raise
            self.end()
            self._observer, self._watched = PollingObserver(timeout=_POLL), {}
            self._observer.start()
            self._follow(wanted)
            return _too_low(error)
        return None

    def end(self) -> None:
        """Watch nothing any more."""
        self._observer.stop()
        self._observer.join()

    def _follow(self, wanted: set[tuple[Path, bool]]) -> None:
        alive = {emitter.watch for emitter in self._observer.emitters if emitter.is_alive()}
        for target, (inode, watch) in list(self._watched.items()):
            # A folder that was made again under its name is another one.
            if target not in wanted or watch not in alive or _inode(target[0]) != inode:
                del self._watched[target]
                self._observer.unschedule(watch)
        for path, deep in sorted(wanted - self._watched.keys()):
            inode = _inode(path)
            ringer = _Ringer(self.bell, None if deep else self._paths)
            try:
                watch = self._observer.schedule(ringer, str(path), recursive=deep, event_filter=_EVENTS)
            except (FileNotFoundError, NotADirectoryError):
                self.bell.ring()  # it went at this moment: the next look is told of its parent
                continue
            self._watched[path, deep] = inode, watch


def _targets(places: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield the folders to watch, and whether with all below: those that are there, and the parent of each place."""
    for place in places:
        if place.is_dir():
            yield place, True
        yield next(folder for folder in place.parents if folder.is_dir()), False


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _too_low(error: OSError) -> Problem:
    limits = "fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288"
    return Problem(f"{error.strerror}: looking every second instead", hint=f"sudo sysctl {limits}")
