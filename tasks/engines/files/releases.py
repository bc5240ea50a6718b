"""Official releases of Kubernetes: programs verified by the checksum that is published beside each."""

from __future__ import annotations

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
    """Return whether the release's site offers a program of a version.

    Args:
        site: Address that the versions are under.
        version: Such as v1.31.0.
        program: A program of the release.
    """
    try:
        _published(_address(site, version, program), attempts=1)
    except Problem:
        return False
    return True


def fetch(site: str, version: str, programs: Iterable[str], cache_dir: Path) -> Path:
    """Have programs of a release, kept; what is there is verified again, without the site.

    Args:
        site: Address that the versions are under.
        version: Such as v1.31.0.
        programs: Names of the programs.
        cache_dir: Folder of everything that is kept for the next run.

    Returns:
        The folder that holds them.

    Raises:
        Problem: One cannot be had, its checksum is none, or it has another one.
    """
    folder = cache_dir / "releases" / re.sub(r"\W+", "-", site) / version
    for program in programs:
        url = _address(site, version, program)
        download.fetch(url, folder / program, sha256=_checksum(url, folder / f"{program}.sha256"))
        (folder / program).chmod(_PROGRAM_MODE)
    return folder


def _address(site: str, version: str, program: str) -> str:
    return f"{site.rstrip('/')}/{version}/{_PLACE}/{program}"


def _checksum(url: str, kept: Path) -> str:
    if not kept.exists():
        atomic.write(kept, _published(url))
    return kept.read_text(encoding="ascii")


def _published(url: str, **tries: int) -> str:
    """Return the checksum beside a file; a page that is served in its place is none."""
    text = download.read(f"{url}.sha256", limit=_CHECKSUM_LIMIT, **tries).decode("ascii", "replace").strip()
    digest = text.split(maxsplit=1)[0] if text else ""
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise Problem(
            f"{url}.sha256: not a SHA-256 checksum", hint=f"curl -fL {url}.sha256, or KUBERNETES_FROM=modules"
        )
    return digest
