"""Where an embedded Docker engine keeps its things."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Engine:
    """Where one embedded engine keeps its things.

    Attributes:
        home: Images, volumes, log and runtime wrapper; survives a reboot.
        run: Socket, pid file and runtime state; does not survive one.
    """

    home: Path
    run: Path

    @property
    def socket(self) -> Path:
        """The unix socket of its API."""
        return self.run / "docker.sock"

    @property
    def url(self) -> str:
        """The value of DOCKER_HOST that reaches it."""
        return f"unix://{self.socket}"

    @property
    def pid_file(self) -> Path:
        """The file in which dockerd keeps its process id."""
        return self.run / "docker.pid"

    @property
    def data(self) -> Path:
        """The data root: images, containers, volumes."""
        return self.home / "data"

    @property
    def log(self) -> Path:
        """The log of the daemon's last start."""
        return self.home / "dockerd.log"

    @property
    def bridge(self) -> str:
        """Its own default bridge (15 bytes at most), so that the docker0 of another engine is never touched."""
        return f"okai{self.run.name[-8:]}"


def of_cache(cache_dir: Path) -> Engine:
    """Return the embedded engine that belongs to a cache folder."""
    digest = hashlib.sha256(str(cache_dir.resolve()).encode()).hexdigest()[:8]
    return Engine(cache_dir / "engine", Path("/run") / f"openkasugai-all-in-one-{digest}")
