"""A test's own embedded engine, in a network namespace where its rules meet no other rules."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.docker import embedded, embedded_home

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]
# As dodo.py does it.
CHOOSE = """
from tasks.engines.docker import settings
from tasks.settings import parameters
settings.provide(parameters.current)
"""
STOP = "from tasks.docker_engine import service as engine; engine.stop()"


class PrivateEngine:
    """An engine with a cache folder and a network namespace."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.engine = embedded_home.of_cache(cache)
        self.namespace = f"okai-{uuid.uuid4().hex[:8]}"

    def python(self, code: str, *arguments: str) -> str:
        """Run code of the project like a run of another checkout with the same cache."""
        return self.inside(sys.executable, "-c", CHOOSE + code, *arguments)

    def inside(self, *argv: str) -> str:
        done = self._run(argv)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *argv: str) -> str:
        """Run a command that must fail without a traceback; return its output."""
        done = self._run(argv)
        assert done.returncode not in {0, 124}, done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout + done.stderr

    def _run(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        env = {key: value for key, value in os.environ.items() if key != "DOCKER_HOST"}
        env |= {"CACHE_DIR": str(self.cache), "DOCKER": "embedded", "PYTHONPATH": str(ROOT)}
        command = ["nsenter", f"--net=/run/netns/{self.namespace}", *argv]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False)

    def pid(self) -> int:
        number = embedded.pid(self.engine)
        assert number is not None
        return number


def processes_with(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, NotADirectoryError):
            continue
        if mark in command and entry.name.isdigit():
            found.append(command)
    return found
