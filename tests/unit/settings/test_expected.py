"""tasks.settings.expected: what tasks cost that have not run here yet."""

from __future__ import annotations

from tasks.settings import expected


def test_more_processors_help_until_the_least_time_is_reached() -> None:
    work = expected.Work(busy=120, least=20)
    assert [work.seconds(cores) for cores in (1, 2, 4, 16)] == [120, 60, 30, 20]


def test_a_row_of_a_task_counts_before_that_of_its_group() -> None:
    assert expected.work("image:kind-ubuntu") == expected.WORK["image:kind-ubuntu"]
    assert expected.work("image:kind-ubuntu-node") == expected.WORK["image"]
    assert expected.work("status") == expected.OTHER
