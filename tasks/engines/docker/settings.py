"""What the parameters of a run say about the engine: provided once, and read when an engine is looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class EngineSettings(Protocol):
    """The parameters that decide which engine a run uses."""

    @property
    def docker(self) -> str:
        """Which one is allowed: `host`, `embedded`, or `auto`."""

    @property
    def cache_dir(self) -> Path:
        """Folder of everything that is kept for the next run, with the tool's own engine in it."""


def _none() -> EngineSettings:
    raise RuntimeError("nothing provides the settings of the Docker engine")


_read: Callable[[], EngineSettings] = _none


def provide(read: Callable[[], EngineSettings]) -> None:
    """Say how the settings of this process are read; nothing is read yet.

    Args:
        read: Returns them. It is called each time that an engine is looked for, and may raise a Problem.
    """
    global _read  # noqa: PLW0603 - one process, one engine
    _read = read


def current() -> EngineSettings:
    """Return the settings of this process.

    Raises:
        Problem: A parameter is wrong.
    """
    return _read()
