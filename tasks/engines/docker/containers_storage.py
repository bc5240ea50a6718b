"""Images that podman and buildah keep on this machine, outside Docker, and how one gets into the engine.

Both programs share their stores: one of the user, and one of root, in which `sudo buildah` puts what it builds.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.engines.docker import client as docker_client
from tasks.engines.programs import root, shell
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@dataclass(frozen=True)
class _Program:
    """A program with such a store: how it lists its images, and how it writes one as Docker reads it."""

    name: str
    listing: tuple[str, ...]
    writing: tuple[str, ...]


# The first one on PATH is asked.
_PROGRAMS = (
    _Program("podman", ("images", "--format", "json"), ("save", "--format", "docker-archive", "{image}")),
    _Program("buildah", ("images", "--json"), ("push", "--quiet", "{image}", "docker-archive:/dev/stdout:{image}")),
)


@dataclass(frozen=True)
class Store:
    """The images of one user.

    Attributes:
        program: The program that is asked.
        is_roots: Whether it is root's store.
    """

    program: str
    is_roots: bool

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        return f"{'root' if self.is_roots else 'the user'}'s store of {self.program}"

    def images(self) -> list[Stored]:
        """Return its images, each under each of its names.

        Raises:
            Problem: It cannot be looked into.
        """
        done = shell.run(self.command(_program(self.program).listing), check=False)
        try:
            listed = json.loads(done.stdout or "null") if done.returncode == 0 else None
        except ValueError:
            listed = None
        if not isinstance(listed, list):
            said = (done.stderr.strip() or "no list of images").splitlines()[-1]
            hint = "sudo -v, then the same command" if self.is_roots else f"{self.program} images"
            raise Problem(f"{self.title} cannot be looked into: {said}", hint=hint)
        return [stored for one in listed for stored in self._stored(one)]

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the command that runs the program with these words, as the owner of the store."""
        return [*(root.prefix() if self.is_roots else ()), self.program, *words]

    def _stored(self, listed: dict[str, Any]) -> Iterator[Stored]:
        facts = {key.lower(): value for key, value in listed.items()}
        for name in facts.get("names") or ():
            yield Stored(str(name), _size(facts.get("size")), self)


@dataclass(frozen=True)
class Stored:
    """An image in a store.

    Attributes:
        name: Its name with registry and tag.
        size: Bytes that it takes.
        store: Where it is.
    """

    name: str
    size: int
    store: Store

    def load(self) -> None:
        """Copy it into the engine under its name; no file is written on the way.

        Raises:
            Problem: It cannot be read, or the engine does not take it.
        """
        writing = (word.format(image=self.name) for word in _program(self.store.program).writing)
        load = shell.Command([docker_client.cli()[0], "load"], docker_client.variables())
        shell.run_piped(shell.Command(self.store.command(tuple(writing))), load)


def stores() -> list[Store]:
    """Return the stores of this machine; none if neither program is on PATH."""
    found = next((one.name for one in _PROGRAMS if shutil.which(one.name)), None)
    if found is None:
        return []
    # As root, root's store is the user's own. Without sudo, nobody put anything into root's with it.
    is_root = os.geteuid() == 0
    others = [Store(found, is_roots=False)] if not is_root else []
    return [*others, Store(found, is_roots=True)] if is_root or shutil.which("sudo") else others


def _program(name: str) -> _Program:
    return next(one for one in _PROGRAMS if one.name == name)


def _size(listed: object) -> int:
    """Return a size in bytes: podman lists a number, buildah a text such as `22.1 GB`."""
    found = re.fullmatch(r"([\d.]+) ?([KMGT]?B)", str(listed).upper())
    return int(float(found[1]) * _UNITS[found[2]]) if found else int(listed) if isinstance(listed, int) else 0
