"""Where an embedded Docker engine keeps its files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Engine:
    """The folders of one embedded engine.

    Attributes:
        home: Images, volumes, log and runtime wrapper; kept across reboots.
        run: Socket, pid file and runtime state; lost at a reboot.
    """

    home: Path
    run: Path

    @property
    def socket(self) -> Path:
        """The unix socket of its API."""
        return self.run / "docker.sock"

    @property
    def url(self) -> str:
        """The value of DOCKER_HOST for it."""
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
        """The name of its default bridge (at most 15 bytes), so that another engine's docker0 is never touched."""
        return f"okai{self.run.name[-8:]}"


def of_cache(cache_dir: Path) -> Engine:
    """Return the embedded engine that belongs to a cache folder."""
    digest = hashlib.sha256(str(cache_dir.resolve()).encode()).hexdigest()[:8]
    return Engine(cache_dir / "engine", Path("/run") / f"openkasugai-all-in-one-{digest}")
