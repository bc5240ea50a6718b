"""Runs the project's own tests."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.programs import shell
from tasks.problems import Problem
from tasks.settings import paths
from tasks.settings.tiers import TIERS

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(*, tiers: Sequence[str] = (), select: str = "") -> None:
    """Run pytest on the terminal, in one run over all tiers, so that its last line sums up everything.

    Args:
        tiers: Only these tiers.
        select: Only tests that match this expression (pytest's -k).

    Raises:
        Problem: A tier does not exist, the tools cannot be installed, or a test failed.
    """
    unknown = [tier for tier in tiers if tier not in TIERS]
    if unknown:
        raise Problem(f"{unknown[0]}: is not a tier of tests", hint=f"./doit test -t {' | '.join(TIERS)}")
    _install_tools()
    chosen = ["-m", " or ".join(tiers)] if tiers else []
    matching = ["-k", select] if select else []
    code = shell.run_attached([sys.executable, "-m", "pytest", *chosen, *matching], cwd=paths.ROOT)
    if code != 0:
        raise Problem(f"pytest ended with exit code {code}")


def _install_tools() -> None:
    """Install the pinned test tools beside the pinned packages, once per lock file."""
    lock = paths.ROOT / "tests" / "requirements.lock"
    # It is in the .venv and copied last: it is absent in a new .venv and after an unfinished installation.
    installed = paths.VENV / "tests-requirements.lock"
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    progress.line("Installing the test tools from tests/requirements.lock (once)")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    shell.run([*pip, "install", "--require-hashes", "-r", lock])
    shutil.copyfile(lock, installed)
