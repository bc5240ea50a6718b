"""tasks.runner.schedule: how long tasks take together."""

from __future__ import annotations

import pytest

from tasks.runner.schedule import Job, span

CHAIN = [Job("a", 10), Job("b", 5, ("a",)), Job("c", 5, ("b", "done before"))]
APART = [Job("a", 10), Job("b", 6), Job("c", 4)]


@pytest.mark.parametrize(
    ("jobs", "threads", "seconds"),
    [
        ([], 2, 0),
        (CHAIN, 2, 20),
        (APART, 1, 20),
        (APART, 2, 10),
        ([*CHAIN, Job("x", 20)], 2, 20),
        # Of the tasks that can start, the one before the longest way does, although `x` alone takes longer.
        ([*APART, Job("x", 11), Job("last", 9, ("a",))], 2, 21),
    ],
)
def test_tasks_side_by_side_take_as_long_as_the_longest_chain_or_as_all_of_them_fill_the_threads(
    jobs: list[Job], threads: int, seconds: float
) -> None:
    assert span(jobs, threads) == seconds


def test_tasks_that_need_each_other_end_the_calculation() -> None:
    assert span([Job("a", 1, ("b",)), Job("b", 1, ("a",)), Job("c", 3)], 2) == 3
