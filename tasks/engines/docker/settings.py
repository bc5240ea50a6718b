"""The parameters that choose the engine: provided once, and read each time an engine is looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class EngineSettings(Protocol):
    """The parameters that decide which engine a run uses."""

    @property
    def docker(self) -> str:
        """Which engine is allowed: `host`, `embedded`, or `auto`."""

    @property
    def cache_dir(self) -> Path:
        """Folder for everything that is kept between runs, including the tool's own engine."""


def _none() -> EngineSettings:
    raise RuntimeError("nothing provides the settings of the Docker engine")


_read: Callable[[], EngineSettings] = _none


def provide(read: Callable[[], EngineSettings]) -> None:
    """Set the function that reads the settings of this process, without calling it.

    Args:
        read: Returns the settings. It is called each time an engine is looked for, and may raise a Problem.
    """
    global _read  # noqa: PLW0603 - one process, one engine
    _read = read


def current() -> EngineSettings:
    """Return the settings of this process.

    Raises:
        Problem: A parameter is invalid.
    """
    return _read()
