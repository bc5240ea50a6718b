"""The parameters of a run that Go depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class GoSettings(Protocol):
    """The parameters that decide what is compiled, and with which Go.

    The version of an artifact is another parameter, read by the name in its table entry.
    """

    @property
    def cache_dir(self) -> Path:
        """Folder for everything that is kept between runs."""

    @property
    def go_version(self) -> str:
        """Version of the Go that compiles, such as `1.23.0`."""

    @property
    def go_proxy(self) -> str:
        """Module proxies in the form of GOPROXY, used if neither the environment nor an installed Go names others."""

    def __hash__(self) -> int:
        """Return the same number for the same values, for which the Go is then chosen only once."""
