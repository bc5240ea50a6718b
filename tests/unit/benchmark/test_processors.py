"""tasks.benchmark.processors: what counts as work."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tasks.benchmark import processors

if TYPE_CHECKING:
    from pathlib import Path


def test_waiting_and_guests_are_no_work(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 20 30 5000 600 1 2 3 40 50\ncpu0 1 1 1 1 1 1 1 1 1 1\n")
    assert processors.busy_seconds(stat) == 156 / os.sysconf("SC_CLK_TCK")


def test_this_process_is_among_what_works() -> None:
    before = processors.busy_seconds()
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert processors.busy_seconds() > before
