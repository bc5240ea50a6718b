"""tasks.runner.outlook: what a run says of its end, and when it says that again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tasks.runner.outlook import Outlook

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOOK = {"a": 300.0, "b": 300.0}
PLANNED = [
    {"name": "a", "state": "run", "needs": []},
    {"name": "b", "state": "unknown", "needs": ["a"]},
    {"name": "c", "state": "up to date", "needs": []},
]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outlook(tmp_path: Path, choose: Callable[..., None], clock: Clock) -> Outlook:
    choose(CACHE_DIR=str(tmp_path))
    (tmp_path / "durations.json").write_text(json.dumps(TOOK))
    made = Outlook(2, clock=clock)
    made.learn(PLANNED)
    return made


def test_nothing_is_said_before_the_plan_is_known(clock: Clock) -> None:
    made = Outlook(2, clock=clock)
    assert (made.head(), made.news()) == ("", "")


def test_the_first_news_is_how_long_all_of_it_takes(outlook: Outlook) -> None:
    assert outlook.news() == "All of it takes about 10 min, as earlier runs here did"
    assert outlook.news() == ""


def test_the_head_counts_down_with_the_time_and_with_tasks_that_end(outlook: Outlook, clock: Clock) -> None:
    outlook.start("a", ["b"])
    clock.now += 120
    assert outlook.head() == "About 8 min left"
    outlook.end("a")
    assert outlook.head() == "About 5 min left"
    outlook.end("b")
    assert outlook.head() == ""


def test_a_log_is_told_again_where_the_end_has_moved(outlook: Outlook, clock: Clock) -> None:
    outlook.news()
    outlook.start("a", ["b"])
    clock.now += 61
    assert outlook.news() == ""
    outlook.end("a")
    assert outlook.news() == "About 5 min left"


def test_a_task_that_takes_longer_than_expected_may_end_at_any_moment(outlook: Outlook, clock: Clock) -> None:
    outlook.start("a", ["b"])
    clock.now += 1000
    assert outlook.seconds() == 301
