"""The machine's apt: installs what is missing, and lists the sources of its packages."""

from __future__ import annotations

import os
import platform
import re
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.files import cache
from tasks.engines.programs import shell
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# apt waits for dpkg's lock, but not for the lock of its package lists.
_INSTALLING = threading.Lock()
_INDEX_TARGETS = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"


def install(needed: Mapping[str, str]) -> None:
    """Install the packages of programs that are not on PATH, and report it.

    Args:
        needed: Distribution package by program.

    Raises:
        Problem: A program is missing, and this process is not root or there is no apt.
    """
    with _INSTALLING:
        missing = sorted({package for program, package in needed.items() if shutil.which(program) is None})
        if missing:
            _install(missing)


def _install(missing: Sequence[str]) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Problem(f"not installed: {', '.join(missing)}", hint=f"sudo apt-get install {' '.join(missing)}")
    progress.line(f"Installing the distribution's {', '.join(missing)}")
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300"]
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    shell.run([*apt, "update"], env=env, live=True)
    shell.run([*apt, "install", "--yes", "--no-install-recommends", *missing], env=env, live=True)


def suite() -> str:
    """Return the code name of this machine's distribution, such as bookworm or jammy.

    Raises:
        Problem: The distribution does not state it.
    """
    name = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    if not name:
        raise Problem("/etc/os-release: VERSION_CODENAME is missing", hint="BASE_FROM=registry ./doit images")
    return name


def sources(cache_dir: Path) -> tuple[str, ...]:
    """Return the sources of this machine's distribution; see `Distribution.sources`."""
    return here().sources(cache_dir)


def here() -> Distribution:
    """Return this machine's distribution.

    Raises:
        Problem: The distribution does not state its code name.
    """
    return Distribution(suite())


@dataclass(frozen=True)
class Distribution:
    """A distribution, as apt is set up for it.

    Attributes:
        suite: Its code name.
        etc: The folder of apt's own files.
    """

    suite: str
    etc: Path = Path("/etc/apt")

    def sources(self, cache_dir: Path) -> tuple[str, ...]:
        """Return the machine's apt sources of the distribution, each as `deb URI SUITE COMPONENT`.

        Sources of other suites (a vendor's repository) are left out: they are not part of the distribution. apt takes a
        third of a second to list them, so its answer is kept until one of its files changes.

        Args:
            cache_dir: Folder for everything that is kept between runs.

        Raises:
            Problem: There is no such source.
        """
        return tuple(cache.answer(cache_dir / "apt-sources.json", self._stamp(), self._ask_for_sources))

    def _stamp(self) -> list[list[str | int]]:
        """Return what changes when the sources do: time and size of apt's files."""
        found = [*sorted((self.etc / "sources.list.d").glob("*")), *sorted(self.etc.glob("apt.conf.d/*"))]
        facts = [(file, file.stat()) for file in (self.etc / "sources.list", *found) if file.is_file()]
        return [[str(file), stat.st_mtime_ns, stat.st_size] for file, stat in facts]

    def _ask_for_sources(self) -> tuple[str, ...]:
        listed = shell.run(["apt-get", "indextargets", "--format", _INDEX_TARGETS, "Created-By: Packages"]).stdout
        # Only rows in the requested format: apt may print messages too.
        rows = re.findall(r"^(deb \S+ (\S+) .*)$", listed, re.MULTILINE)
        lines = {line.rstrip() for line, release in rows if release.split("-")[0] == self.suite}
        if not lines:
            raise Problem(f"apt: no source of {self.suite} is configured", hint="look at /etc/apt/sources.list")
        return tuple(sorted(lines))
