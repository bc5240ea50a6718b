"""tasks.dataflows.reach: the first function that the one before it does not reach; connections are real."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from tasks.dataflows import reach
from tasks.dataflows.traffic import Reading, Traffic
from tasks.engines.kube import manifests
from tasks.patterns import known
from tests.unit.dataflows.functions import Functions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

P2C3 = known.named("p2c3-multi-worker")
CALCAPP = known.named("calcapp-sriov-multi-worker")


def really(_pod: str, argv: Sequence[str]) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def listening() -> Iterator[int]:
    """A port at which something accepts connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def chain(port: int, **others: tuple[str, int]) -> Functions:
    functions = Functions(CALCAPP, really)
    keys = [hop.key for hop in CALCAPP.hops]
    told = [functions.told(before, *others.get(before, ("127.0.0.1", port))) for before in keys[:-1]]
    functions.objects = {manifests.CONFIG_MAP: told}
    return functions


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_chain_in_which_all_can_connect_has_no_such_function(listening: int) -> None:
    functions = chain(listening)
    assert reach.unconnected(functions.flow(), functions.pods) == ""


def test_the_first_function_that_is_not_reached_is_named_with_its_place_and_the_reason(listening: int) -> None:
    port = free_port()
    functions = chain(listening, multiply=("127.0.0.1", port))
    assert reach.unconnected(functions.flow(), functions.pods) == (
        f"divide (on kind-worker2, 192.168.20.44): unreachable from multiply at net1 127.0.0.1:{port}: "
        "Connection refused"
    )


def test_one_that_does_not_answer_is_not_waited_for() -> None:
    functions = Functions(CALCAPP, lambda *_: "no answer within 3 s\n")
    functions.objects = {manifests.CONFIG_MAP: [functions.told("send", "192.168.20.41", 8080)]}
    assert reach.unconnected(functions.flow(), functions.pods) == (
        "plus (on kind-worker, 192.168.20.41): unreachable from send at net1: no answer within 3 s"
    )


def test_one_that_nobody_was_told_of_is_named(listening: int) -> None:
    functions = chain(listening)
    del functions.objects[manifests.CONFIG_MAP][1]
    assert reach.unconnected(functions.flow(), functions.pods) == "plus has not been told where minus is"


@pytest.mark.parametrize(
    ("arrived", "named"),
    [
        ((9, 9, 9), ""),
        ((9, 9, 2), "rcv (on kind-worker2, 192.168.20.42): unreachable from dsa at net1"),
        ((9, 0, 0), "dsa (on kind-worker, 192.168.20.41): unreachable from pip at net1"),
        ((0, 0, 0), "pip (on kind-worker, 192.168.20.40): unreachable from the sender (send-video-tool) at net1"),
    ],
)
def test_a_video_stops_before_the_first_function_at_which_none_of_it_arrives(
    arrived: tuple[int, ...], named: str
) -> None:
    functions = Functions(P2C3)
    moved = Reading({hop.key: Traffic(count) for hop, count in zip(P2C3.hops, arrived, strict=True)}, {})
    assert reach.unreached(functions.flow(), functions.pods, moved) == named
    assert reach.datagrams(functions.flow(), moved).startswith(f"datagrams received: pip {arrived[0]}, dsa ")
