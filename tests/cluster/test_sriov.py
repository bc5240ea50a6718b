"""Dataflows on emulated cards: their packets cross the PFs, and where the second network is cut, the hop is named."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import containers
from tasks.settings import nics
from tests.cluster.lab import ANSWERS, NAME, answers, chosen, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.lab import Lab

CALCAPP, VIDEO = "calcapp-sriov-multi-worker", "p2c3-multi-worker"
# Long enough for what works, short enough to wait for what does not.
SHORT = {"PIPELINE_DEADLINE": "10"}
CARRIED = re.compile(r"net1: (\S+) (\w+) sent, PFs carried (\S+) (\w+)")
UNITS = {"bytes": 1.0, "kB": 1e3, "MB": 1e6}
SECOND_NETWORK = re.compile(r"192\.168\.21\.\d+")


def pf(row: nics.Row) -> str:
    return str(getattr(chosen(), row.interface.lower()))


def set_link(row: nics.Row, state: str) -> None:
    containers.exec_in(row.node(NAME), ["ip", "link", "set", pf(row), state])


def verify_only(pattern: str) -> tuple[str, ...]:
    """Return the words that verify a dataflow without the tasks before it, which would put the card right."""
    return ("run", "--single", f"dataflow:{pattern}")


@contextmanager
def cut(row: nics.Row) -> Iterator[None]:
    """Take a worker's PF down for a while."""
    set_link(row, "down")
    try:
        yield
    finally:
        set_link(row, "up")


def check_carried(output: str) -> None:
    """Check that the PFs have carried at least what was sent."""
    seen = CARRIED.search(output)
    assert seen, output
    sent, carried = (float(seen[place]) * UNITS[seen[place + 1]] for place in (1, 3))
    assert carried >= sent > 0


@pytest.fixture
def calculating(verified: Lab) -> Iterator[Lab]:
    """The lab with calcapp on the second network, spread over both workers."""
    verified.run(f"dataflow:{CALCAPP}")
    yield verified
    verified.run(f"delete_dataflow:{CALCAPP}")


def test_values_cross_the_cards_and_where_the_second_network_is_cut_the_hop_is_named(calculating: Lab) -> None:
    output = calculating.run(f"dataflow:{CALCAPP}")
    assert answers(output) == ANSWERS
    assert all(SECOND_NETWORK.fullmatch(row["address"]) for row in rows(output).values())
    assert "stand-ins: sample controller, emulated cards" in output
    check_carried(output)

    with cut(nics.WORKERS[1]):
        output = calculating.fail(*verify_only(CALCAPP), **SHORT)
    where = rf"\(on {NAME}-worker2, 192\.168\.21\.\d+\)"
    assert re.search(rf"divide {where}: unreachable from multiply at net1", output), output
    assert "no request reaches divide: multiply does not pass it on" in output
    assert answers(calculating.run(*verify_only(CALCAPP))) == ANSWERS


def test_a_video_crosses_the_cards_and_carries_the_mark_of_the_stand_in(verified: Lab) -> None:
    output = verified.run(f"dataflow:{VIDEO}")
    assert re.search(r"df-cpu-p2c3 passed on .*: h264, \d+ of 45 frames", output), output
    assert re.search(r"dsa: stand-in of gpu_infer_tcp: decoder \w+ on the CPU, its mark is in the frames", output)
    assert "stand-ins: sample controller, emulated cards, stand-in GPU" in output
    check_carried(output)
    assert "stand-ins: sample controller, emulated cards, stand-in GPU" in verified.run("dataflow_status")

    with cut(nics.WORKERS[1]):
        output = verified.fail(*verify_only(VIDEO), **SHORT)
    where = rf"\(on {NAME}-worker2, 192\.168\.21\.\d+\)"
    assert re.search(rf"rcv {where}: unreachable from dsa at net1", output), output
    assert "df-cpu-p2c3 passed on" in verified.run(*verify_only(VIDEO))
    verified.run(f"delete_dataflow:{VIDEO}")
