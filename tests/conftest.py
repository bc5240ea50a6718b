"""What every tier shares: their order and time limits, skips that fail in CI, and checkouts to run `./doit` in."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from tasks.engines.docker import settings as engine_settings
from tasks.engines.files.checkout import copy_to
from tasks.settings import parameters
from tasks.settings.tiers import TIERS

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from tasks.settings.parameters.model import Parameters

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

ROOT = Path(__file__).resolve().parent.parent

# The tiers run the lab, whatever the user's own profile is.
os.environ["PROFILE"] = "lab"


def pytest_configure(config: pytest.Config) -> None:
    """Make each tier a marker, so that `-m unit` selects it."""
    for tier in TIERS:
        config.addinivalue_line("markers", tier)
    # Started in the background of a script, a run ignores SIGINT, and so would the programs that tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the tier that its folder names, and run the tiers in their order."""
    for item in items:
        item.add_marker(_tier(item))
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIERS[_tier(item)]))
    order = list(TIERS)
    items.sort(key=lambda item: order.index(_tier(item)))


def _tier(item: pytest.Item) -> str:
    return item.path.relative_to(ROOT / "tests").parts[0]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Have the parameters choose the Docker engine, as in a run, whatever the test before chose."""
    engine_settings.provide(_parameters)


def _parameters() -> Parameters:
    return parameters.current()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a skipped test in CI: there a skip hides that something does not work."""
    report = yield
    return _not_skipped(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a skipped module in CI."""
    report = yield
    return _not_skipped(report)


def _not_skipped(report: Report) -> Report:
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@dataclass(frozen=True)
class Checkout:
    """A copy of the project with a task database, lock and build folder of its own."""

    root: Path

    def doit(
        self, *words: str, env: Mapping[str, str] | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run `./doit` to its end; the caller looks at the exit code."""
        return subprocess.run(
            [str(self.root / "doit"), *words],
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `./doit` with its output in one pipe, and open to the signals that whoever runs the tests ignores."""
        return subprocess.Popen(
            ["/usr/bin/env", "--default-signal=HUP,INT,TERM", str(self.root / "doit"), *words],
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def copy_of_checkout(root: Path) -> Checkout:
    """Copy what a clone would hold, with this checkout's .venv."""
    copy_to(root)
    return Checkout(root)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a copy of the project in a folder with a space and letters outside ASCII in its name."""
    return copy_of_checkout(tmp_path / "check out äöü 日本")
