"""tasks.engines.files.changes: what counts as a change, and when it is looked at."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from tasks.engines.files import changes
from tasks.engines.files.changes import Sources, Watcher
from tasks.settings import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SECONDS = 30.0


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "top"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("one")
    return folder


def differs(top: Path, act: Callable[[], object], *, places: tuple[str, ...] = ("",)) -> list[str]:
    """Return the names of what an act changes."""
    sources = Sources(tuple(top / place for place in places), watch.IGNORED)
    before = sources.seen()
    act()
    return [str(path.relative_to(top)) for path in changes.differing(before, sources.seen())]


def rewritten(path: Path, text: str) -> None:
    path.with_name("new").write_text(text)
    path.with_name("new").replace(path)


def test_content_names_and_rights_count(top: Path) -> None:
    file = top / "deep" / "file"
    assert differs(top, lambda: None) == []
    assert differs(top, file.read_text) == []
    assert differs(top, lambda: file.write_text("two")) == ["deep/file"]
    assert differs(top, lambda: rewritten(file, "two")) == ["deep/file"]
    assert differs(top, lambda: file.chmod(0o755)) == ["deep/file"]
    assert differs(top, lambda: file.rename(top / "deep" / "other")) == ["deep/file", "deep/other"]
    assert differs(top, lambda: (top / "deep").rename(top / "more")) == ["deep/other", "more/other"]
    assert differs(top, (top / "more" / "other").unlink) == ["more/other"]


@pytest.mark.parametrize(
    "name",
    [".file.swp", ".file.swo", "file~", ".#file", "#file#", "4913", "x.pyc", "__pycache__/x", ".git/index", "build/x"],
)
def test_what_editors_and_programs_leave_is_no_source(top: Path, name: str) -> None:
    def leave() -> None:
        (top / name).parent.mkdir(exist_ok=True)
        (top / name).write_text("x")

    assert differs(top, leave) == []


def test_places_may_be_files_and_may_be_absent(top: Path) -> None:
    places = ("absent", "deep/file", "file")
    assert differs(top, (top / "beside").touch, places=places) == []
    assert differs(top, (top / "file").touch, places=places) == ["file"]
    assert differs(top, lambda: (top / "deep").rename(top / "absent"), places=places) == ["absent/file", "deep/file"]


def test_a_place_that_is_named_only_later_is_no_change(top: Path) -> None:
    assert changes.differing(Sources((top / "x",)).seen(), Sources((top / "x", top)).seen()) == []


def test_a_storm_of_events_is_waited_for_but_not_without_end() -> None:
    heard = iter([True, True, True, False, True])
    changes.await_quiet(lambda _: next(heard))
    assert next(heard)
    waited: list[float] = []

    def always(seconds: float) -> bool:
        waited.append(seconds)
        return True

    changes.await_quiet(always)
    assert 4 < sum(waited) < 6


def test_a_bell_that_rang_before_is_heard_once() -> None:
    bell = changes.Bell()
    bell.ring()
    bell.ring()
    assert bell.heard(None)
    assert not bell.heard(0)


@pytest.fixture(params=[Observer, lambda: PollingObserver(timeout=0.05)], ids=["inotify", "polling"])
def watcher(request: pytest.FixtureRequest) -> Iterator[Watcher]:
    made = Watcher(request.param)
    yield made
    made.end()


def test_places_that_come_go_and_come_again_are_heard(top: Path, watcher: Watcher) -> None:
    place = top / "patterns"

    def rings(act: Callable[[], object]) -> bool:
        watcher.follow([place])
        watcher.bell.heard(0)
        act()
        return watcher.bell.heard(_SECONDS)

    assert rings(place.mkdir)
    assert rings((place / "one").mkdir)
    assert rings((place / "one" / "file").touch)
    assert rings(lambda: place.rename(top / "away"))
    assert rings(place.mkdir)
    assert rings((place / "file").touch)


def test_what_is_beside_a_place_is_not_heard(top: Path, watcher: Watcher) -> None:
    watcher.follow([top / "patterns"])
    (top / "beside").touch()
    assert not watcher.bell.heard(1.5)
    (top / "beside").rename(top / "patterns")
    assert watcher.bell.heard(_SECONDS)


def test_a_limit_that_is_too_low_is_said_once_and_places_are_looked_at(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    made = Watcher()
    monkeypatch.setattr(made._observer, "schedule", refuse)
    notice = made.follow([top])
    assert str(notice).splitlines() == [
        "inotify watch limit reached: looking every second instead",
        "Try: sudo sysctl fs.inotify.max_user_instances=1024 fs.inotify.max_user_watches=524288",
    ]
    assert made.follow([top]) is None
    made.bell.heard(0)
    (top / "file").touch()
    assert made.bell.heard(_SECONDS)
    made.end()


def test_another_error_of_the_system_is_not_hidden(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    made = Watcher()
    monkeypatch.setattr(made._observer, "schedule", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        made.follow([top])
    made.end()
