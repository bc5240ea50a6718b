"""The user's videos in work/DATA/video: which can be sent, and what is wrong with the others."""

from __future__ import annotations

import os
import shlex
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.media import mp4
from tasks.problems import Problem
from tasks.settings import paths, video

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SUFFIX = ".mp4"
# The prefix of files in which macOS keeps metadata that other file systems cannot store.
_FOREIGN = "._"
# The bytes that stand for themselves in bash's $'...'.
_PLAIN = frozenset(string.printable.strip().encode()) - frozenset(b"'\\") | frozenset(b" ")


@dataclass(frozen=True)
class Wrong:
    """Something that cannot be sent.

    Attributes:
        name: Its name, as shown in one line.
        reason: What is wrong with it.
        cure: The command, run in the checkout, that fixes it or moves it out of the way.
    """

    name: str
    reason: str
    cure: str


@dataclass(frozen=True)
class Found:
    """The videos that were found.

    Attributes:
        files: Those that can be sent.
        wrong: Those that cannot be sent.
        foreign: Files that macOS put beside videos, which are skipped.
    """

    files: tuple[Path, ...] = ()
    wrong: tuple[Wrong, ...] = ()
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True)
class Folder:
    """The folder of the user's videos.

    Attributes:
        work: The folder of the checkout that the nodes see.
        in_pod: The videos' folder in the sender's pod.
    """

    work: Path
    in_pod: str = video.FOLDER_IN_POD

    @property
    def path(self) -> Path:
        """The path of the folder."""
        return self.work / "DATA" / "video"

    @property
    def made(self) -> Path:
        """The test video, which is sent if the user has put none there."""
        return self.path / video.TEST_VIDEO

    def find(self, wanted: str = "") -> Found:
        """Return the videos in it, sorted by name.

        Args:
            wanted: Name of the only one to look at; empty for all.
        """
        if wrong := self._wrong_folder():
            return Found(wrong=(wrong,))
        try:
            there = self.path.iterdir() if self.path.is_dir() else ()
            named = sorted(path for path in there if path.suffix.lower() == _SUFFIX)
        except OSError as error:
            return Found(wrong=(self._unreadable(self.path, error),))
        videos = [path for path in named if not path.name.startswith(_FOREIGN)]
        chosen = [path for path in videos if wanted in {"", path.name}]
        if wanted and not chosen:
            return Found(wrong=(_absent(wanted, [path.name for path in videos]),))
        judged = {path: self._judge(path) for path in chosen}
        return Found(
            tuple(path for path, wrong in judged.items() if wrong is None),
            tuple(wrong for wrong in judged.values() if wrong is not None),
            tuple(shown(path.name) for path in named if path.name.startswith(_FOREIGN)),
        )

    def ensure(self) -> None:
        """Create the folder, which the sender mounts, if it is missing.

        Raises:
            Problem: Something else is in its place, or it cannot be created.
        """
        if wrong := self._wrong_folder():
            raise Problem(f"{wrong.name}: {wrong.reason}", hint=wrong.cure)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Problem(
                f"{self._place(self.path)}: {error.strerror}", hint=f"ls -ld {self._quoted(self.work)}"
            ) from error

    def place_in_pod(self, path: Path) -> str:
        """Return a video's path in the sender's pod; links are resolved here, since they may be absolute."""
        return f"{self.in_pod}/{path.resolve().relative_to(self.path.resolve())}"

    def _place(self, path: Path) -> str:
        """Return a path relative to the checkout, in which commands are run."""
        return f"{self.work.name}/{path.relative_to(self.work)}"

    def _quoted(self, path: Path, more: str = "") -> str:
        """Return a path in the checkout as a word for a shell."""
        return _word(f"{self._place(path)}{more}")

    def _wrong_folder(self) -> Wrong | None:
        """Return what is wrong with the folder itself; the nodes see only work/, and no links that lead out of it."""
        for folder in (self.work / "DATA", self.path):
            place = self._place(folder)
            if folder.is_symlink() and not folder.exists():
                return Wrong(place, f"a link to {shown(str(folder.readlink()))}, which is not there", f"rm {place}")
            if folder.is_symlink():
                reason = f"a link to {shown(str(folder.readlink()))}, which the nodes do not see"
                return Wrong(place, reason, f"rm {place} && cp -r {_word(str(folder.resolve()))} {place}")
            if folder.exists() and not folder.is_dir():
                return Wrong(place, "no folder", f"mv {place} {place}.other")
        return None

    def _judge(self, path: Path) -> Wrong | None:
        """Return why a video cannot be sent, or None."""
        name, place = shown(path.name), self._quoted(path)
        aside = f"mv {place} {self._quoted(path, '.other')}"
        if any("\ud800" <= letter <= "\udfff" for letter in path.name):
            return Wrong(
                name, "a name that is not UTF-8", f"mv {place} {self._quoted(path.with_name(_utf8(path.name)))}"
            )
        if not path.exists():
            return Wrong(name, f"a link to {shown(str(path.readlink()))}, which is not there", f"rm {place}")
        if not path.is_file():
            return Wrong(name, "a folder" if path.is_dir() else "no file", aside)
        real = path.resolve()
        if not real.is_relative_to(self.path.resolve()):
            reason = f"a link that leads out of {self._place(self.path)}, where the sender does not see it"
            return Wrong(name, reason, f"cp --remove-destination {_word(str(real))} {place}")
        return self._judge_content(path)

    def _judge_content(self, path: Path) -> Wrong | None:
        name, place, original = shown(path.name), self._quoted(path), self._quoted(path, ".orig")
        try:
            codecs = mp4.codecs(path)
        except OSError as error:
            return self._unreadable(path, error)
        if not codecs:
            return Wrong(name, "no MP4 file, or cut off", f"rm -i {place}")
        if mp4.H264.isdisjoint(codecs):
            convert = f"mv -i {place} {original} && ffmpeg -i {original} -c:v libx264 {place}"
            return Wrong(name, f"without H.264 ({', '.join(map(shown, codecs))})", convert)
        return None

    def _unreadable(self, path: Path, error: OSError) -> Wrong:
        reason = f"cannot be read: {error.strerror}"
        return Wrong(shown(path.name), reason, f"sudo chmod a+r{'x' if path.is_dir() else ''} {self._quoted(path)}")


def here() -> Folder:
    """Return the folder of this checkout."""
    return Folder(paths.WORK)


def shown(name: str) -> str:
    """Return a name for a one-line message."""
    return name if name.isprintable() else ascii(name)


def _absent(wanted: str, names: Sequence[str]) -> Wrong:
    """Return that the only video to look at is not there, with those that are."""
    there = f"there are {', '.join(map(shown, names))}" if names else "there is no *.mp4"
    cure = f"VIDEO={_word(names[0])} with the same command" if names else f"cp {_word(wanted)} work/DATA/video/"
    return Wrong(f"VIDEO={shown(wanted)}", f"not there; {there}", cure)


def _utf8(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace").replace("\ufffd", "_")


def _word(text: str) -> str:
    """Return a text as a word for a shell, in one line; if parts are not printable, use bash's $'...' form."""
    if text.isprintable():
        return shlex.quote(text)
    letters = (chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in os.fsencode(text))
    return f"$'{''.join(letters)}'"
