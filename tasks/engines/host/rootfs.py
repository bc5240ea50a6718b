"""Root filesystems bootstrapped from the machine's own apt sources, kept in CACHE_DIR by what they are made of."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files.lock import alone, part_of
from tasks.engines.host import apt
from tasks.engines.programs import shell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PROGRAMS = {"mmdebstrap": "mmdebstrap"}
# Beyond what apt itself needs: certificates, for sources and repositories behind https.
_PACKAGES = ("ca-certificates",)


def digest(cache_dir: Path) -> str:
    """Return what the root filesystem of this machine's suite is made of, as a SHA-256."""
    parts = (apt.suite(), *apt.sources(cache_dir), *_PACKAGES)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def bootstrap(cache_dir: Path) -> Path:
    """Have the root filesystem of this machine's suite.

    Args:
        cache_dir: Folder of everything that is kept for the next run.

    Returns:
        The tar archive, about 180 MB.

    Raises:
        Problem: mmdebstrap is missing and cannot be installed, or a mirror does not answer.
    """
    suite = apt.suite()
    target = cache_dir / "rootfs" / f"{suite}-{digest(cache_dir)[:16]}.tar"
    with alone(target):
        if not target.exists():
            _make(suite, apt.sources(cache_dir), target)
    return target


def _make(suite: str, sources: Iterable[str], target: Path) -> None:
    apt.install(_PROGRAMS)
    progress.step(f"bootstrapping {suite} from the machine's apt sources")
    part = part_of(target)
    argv = [
        "mmdebstrap",
        "--format=tar",
        "--variant=minbase",
        f"--include={','.join(_PACKAGES)}",
        suite,
        str(part),
        "-",
    ]
    shell.Command(argv, stdin="\n".join(sources) + "\n").run(live=True)
    part.replace(target)
