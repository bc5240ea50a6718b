"""What Go is told by the parameters of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


class GoSettings(Protocol):
    """The parameters that decide what is compiled, and with what.

    The version of an artifact is one more: the parameter that its table entry names, read by that name.
    """

    @property
    def cache_dir(self) -> Path:
        """Folder of everything that is kept for the next run."""

    @property
    def go_version(self) -> str:
        """The Go that compiles, such as `1.23.0`."""

    @property
    def go_proxy(self) -> str:
        """Module proxies, as GOPROXY names them, where neither the environment nor an installed Go names others."""

    def __hash__(self) -> int:
        """Return a number for the same values: which Go there is, is found out once for them."""
