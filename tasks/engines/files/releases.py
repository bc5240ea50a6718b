"""Official releases of Kubernetes: programs, each verified with the checksum that is published beside it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from tasks.engines.files import atomic, download
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# The publisher's layout: https://kubernetes.io/docs/tasks/tools/install-kubectl-linux/
_PLACE = "bin/linux/amd64"
_CHECKSUM_LIMIT = 1024
_PROGRAM_MODE = 0o755


def answers(site: str, version: str, program: str) -> bool:
    """Return whether the release's site offers a program in a version.

    Args:
        site: Address below which the versions are.
        version: Such as v1.31.0.
        program: A program of the release.
    """
    try:
        _published(address(site, version, program), attempts=1)
    except Problem:
        return False
    return True


def checksum_address(site: str, version: str, program: str) -> str:
    """Return where the checksum of a program is published.

    Args:
        site: Address below which the versions are.
        version: Such as v1.31.0.
        program: A program of the release.
    """
    return f"{address(site, version, program)}.sha256"


def kept(site: str, version: str, program: str, cache_dir: Path) -> Path | None:
    """Return a program that `fetch` has kept, or None; the site is not asked.

    Args:
        site: Address below which the versions are.
        version: Such as v1.31.0.
        program: A program of the release.
        cache_dir: Folder for everything that is kept between runs.
    """
    file = kept_in(site, version, cache_dir) / program
    return file if os.access(file, os.X_OK) else None


def fetch(site: str, version: str, programs: Iterable[str], cache_dir: Path) -> Path:
    """Download programs of a release and keep them; verify kept ones without asking the site.

    Args:
        site: Address below which the versions are.
        version: Such as v1.31.0.
        programs: Names of the programs.
        cache_dir: Folder for everything that is kept between runs.

    Returns:
        The folder that holds them.

    Raises:
        Problem: A program cannot be downloaded or has another checksum, or its published checksum is invalid.
    """
    folder = kept_in(site, version, cache_dir)
    for program in programs:
        url = address(site, version, program)
        download.fetch(url, folder / program, sha256=_checksum(url, folder / f"{program}.sha256"))
        (folder / program).chmod(_PROGRAM_MODE)
    return folder


def kept_in(site: str, version: str, cache_dir: Path) -> Path:
    """Return the folder in which the programs of a version are kept.

    Args:
        site: Address below which the versions are.
        version: Such as v1.31.0.
        cache_dir: Folder for everything that is kept between runs.
    """
    return cache_dir / "releases" / re.sub(r"\W+", "-", site) / version


def address(site: str, version: str, program: str) -> str:
    """Return where a program is.

    Args:
        site: Address below which the versions are.
        version: Such as v1.31.0.
        program: A program of the release.
    """
    return f"{site.rstrip('/')}/{version}/{_PLACE}/{program}"


def _checksum(url: str, kept: Path) -> str:
    if not kept.exists():
        atomic.write(kept, _published(url))
    return kept.read_text(encoding="ascii")


def _published(url: str, **tries: int) -> str:
    """Return the checksum published beside a file; stop if something else is served in its place."""
    text = download.read(f"{url}.sha256", limit=_CHECKSUM_LIMIT, **tries).decode("ascii", "replace").strip()
    digest = text.split(maxsplit=1)[0] if text else ""
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise Problem(
            f"{url}.sha256: not a SHA-256 checksum", hint=f"curl -fL {url}.sha256, or KUBERNETES_FROM=modules"
        )
    return digest
