"""Files that say what of the host is lent (its network cards, its GPU): how every ledger is read, and its boot told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

Ledger = TypeVar("Ledger")

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot() -> str:
    """Return the kernel's identifier of this boot: a reboot gives back by itself what was lent."""
    return _BOOT_ID.read_text(encoding="utf-8").strip()


def read(file: Path, version: int, parse: Callable[[dict[str, Any]], Ledger], *, hint: str) -> Ledger | None:
    """Return what a ledger holds, or None where there is none.

    Args:
        file: The ledger.
        version: The one version that is understood.
        parse: Makes the ledger of its content; may raise KeyError, TypeError or ValueError.
        hint: Where to read what to do with one that cannot be understood.

    Raises:
        Problem: The file cannot be understood.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["version"] != version:
            raise ValueError(f"version {data['version']}")  # noqa: TRY301 - one of the ways not to be understood
        return parse(data)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise Problem(f"{file}: not a ledger of this tool: {error}", hint=hint) from error
