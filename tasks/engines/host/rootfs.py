"""Root filesystems bootstrapped from the machine's apt sources, kept in CACHE_DIR under a digest of the sources."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files.lock import alone, part_of
from tasks.engines.host import apt
from tasks.engines.programs import shell

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.host.apt import Distribution

_PROGRAMS = {"mmdebstrap": "mmdebstrap"}
# In addition to what apt itself needs: certificates, for sources and repositories that use https.
_PACKAGES = ("ca-certificates",)


def digest(cache_dir: Path) -> str:
    """Return the SHA-256 of what the root filesystem of this machine's suite is made of."""
    return RootFilesystem(apt.here(), cache_dir).digest()


def bootstrap(cache_dir: Path) -> Path:
    """Create the root filesystem of this machine's suite; see `RootFilesystem.bootstrap`."""
    return RootFilesystem(apt.here(), cache_dir).bootstrap()


@dataclass(frozen=True)
class RootFilesystem:
    """The root filesystem of a distribution.

    Attributes:
        distribution: The machine's distribution.
        cache_dir: Folder for everything that is kept between runs.
    """

    distribution: Distribution
    cache_dir: Path

    def digest(self) -> str:
        """Return the SHA-256 of what it is made of."""
        parts = (self.distribution.suite, *self.distribution.sources(self.cache_dir), *_PACKAGES)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def bootstrap(self) -> Path:
        """Create it, unless it is kept from an earlier run.

        Returns:
            The tar archive, about 180 MB.

        Raises:
            Problem: mmdebstrap is missing and cannot be installed, or a mirror does not answer.
        """
        target = self.cache_dir / "rootfs" / f"{self.distribution.suite}-{self.digest()[:16]}.tar"
        with alone(target):
            if not target.exists():
                self._make(target)
        return target

    def _make(self, target: Path) -> None:
        apt.install(_PROGRAMS)
        suite, part = self.distribution.suite, part_of(target)
        progress.step(f"bootstrapping {suite} from the machine's apt sources")
        include = f"--include={','.join(_PACKAGES)}"
        argv = ["mmdebstrap", "--format=tar", "--variant=minbase", include, suite, str(part), "-"]
        lines = "\n".join(self.distribution.sources(self.cache_dir)) + "\n"
        shell.Command(argv, stdin=lines).run(live=True)
        part.replace(target)
