"""tasks.dataflows.traffic: what the kernel counted, and packets that took another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.dataflows import traffic
from tasks.dataflows.traffic import Meter, Pf, Reading, Traffic
from tasks.patterns import known
from tasks.problems import Problem
from tests.unit.conftest import lab
from tests.unit.dataflows.functions import Functions, own

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tasks.patterns.model import Pattern
    from tests.unit.programs import Programs

SNMP = """Tcp: RtoAlgorithm InSegs
Tcp: 1 77
Udp: InDatagrams NoPorts InErrors OutDatagrams
Udp: {} 2 1 900
UdpLite: InDatagrams NoPorts
UdpLite: 5 5
"""
DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier
    lo:   11       1    0    0    0     0          0         0       11       1    0    0    0     0       0          0
  eth0: 5000      50    0    0    0     0          0         0     6000      50    0    0    0     0       0          0
  net1: {}      70    0    0    0     0          0         0 {}      80    0    0    0     0       0          0
"""
FIRST, SECOND = Pf("kind-worker", "ens9f0np0"), Pf("kind-worker2", "ens9f1np1")
P3C1 = known.named("p3c1-multi-worker")


def test_the_counters_of_a_pod_are_those_of_udp_and_of_its_second_interface() -> None:
    assert traffic.parsed(SNMP.format(40) + DEV.format(7000, 8000)) == Traffic(43, 7000, 8000)
    assert traffic.parsed(SNMP.format(40)) == Traffic(43)
    assert traffic.parsed("") == Traffic()


def test_what_was_counted_since_the_start_is_the_difference() -> None:
    functions = Functions(P3C1, lambda *_: SNMP.format(40) + DEV.format(7000, 8000))
    carried = {FIRST: 100, SECOND: 200}
    meter = Meter(functions.flow(), functions.pods, lambda: dict(carried))
    start = meter.start()
    functions.answer = lambda pod, _: (SNMP.format(90) if "rcv" in pod else SNMP.format(40)) + DEV.format(7500, 9000)
    carried[SECOND] += 3
    moved = meter.since(start)
    assert moved == Reading(
        {"pip": Traffic(0, 500, 1000), "rcv": Traffic(50, 500, 1000)},
        {FIRST: 0, SECOND: 3},
    )


def moved(pip: Traffic, rcv: Traffic, first: int = 0, second: int = 0) -> Reading:
    return Reading({"pip": pip, "rcv": rcv}, {FIRST: first, SECOND: second} if first or second else {})


THROUGH = (Traffic(10, 1000, 1100), Traffic(10, 1100, 50))


@pytest.mark.parametrize(
    ("reading", "says"),
    [
        (moved(*THROUGH, 6_000, 1_900_000), "net1: 2.1 kB sent, PFs carried 1.9 MB"),
        # Real cards count what their virtual functions carry for these alone.
        (moved(*THROUGH), "net1: 2.1 kB sent"),
    ],
)
def test_what_the_second_network_carried_is_said(reading: Reading, says: str) -> None:
    functions = Functions(P3C1)
    assert Meter(functions.flow(), functions.pods).crossing(reading, 900) == says


@pytest.mark.parametrize(
    ("reading", "says"),
    [
        (
            moved(Traffic(10, 0, 0), Traffic(10, 0, 60), 5_000, 5_000),
            "the packets did not go by net1: 60 bytes there, 900 bytes were to be sent",
        ),
        (
            moved(*THROUGH, 500, 9_000),
            r"did not cross ens9f0np0 of kind-worker: it carried 500 bytes, the functions there sent 1\.1 kB",
        ),
        (
            moved(Traffic(10, 900_000, 1100), THROUGH[1], 2_000, 2_000),
            "did not cross ens9f0np0 of kind-worker, ens9f1np1 of kind-worker2: 4.0 kB there, 901.1 kB sent",
        ),
    ],
)
def test_packets_that_took_another_way_are_told(reading: Reading, says: str) -> None:
    functions = Functions(P3C1)
    with pytest.raises(Problem, match=rf"^df-cpu-p3c1: .*{says}"):
        Meter(functions.flow(), functions.pods).crossing(reading, 900)


@pytest.mark.parametrize(
    ("pattern", "asks"),
    [
        (known.named("calcapp-basic"), False),
        (known.named("calcapp-sriov"), True),
        (known.named("p1c1"), True),
        (own("{log: [{function: rcv, line: x}]}"), False),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_pods_are_asked_only_where_their_counters_say_something(pattern: Pattern, asks: bool) -> None:
    functions = Functions(pattern)
    meter = Meter(functions.flow(), functions.pods)
    start = meter.start()
    assert bool(functions.asked) is asks
    if pattern.network != "sriov":
        assert meter.crossing(meter.since(start), 900) == ""


def test_a_function_whose_counters_cannot_be_read_is_named() -> None:
    def no_cat(_pod: str, _argv: Sequence[str]) -> str:
        raise Problem(message)

    message = "cat: no such file"
    functions = Functions(P3C1, no_cat)
    with pytest.raises(Problem, match=rf"^df-cpu-p3c1: pip: its network counters cannot be read: {message}$"):
        Meter(functions.flow(), functions.pods).start()


@pytest.mark.usefixtures("engine")
def test_the_pfs_of_both_workers_are_read_in_their_nodes(programs: Programs) -> None:
    programs.put("docker", "300\n45\n")
    chosen = lab(EMULATE="sriov", CLUSTER_NAME="c", SRIOV_PF_IF_1="ens9f0np0", SRIOV_PF_IF_2="ens9f1np1")
    carried = traffic.pf_counters(known.named("p3c1"), chosen)()
    assert carried == {Pf("c-worker", "ens9f0np0"): 345, Pf("c-worker2", "ens9f1np1"): 345}
    files = [f"/sys/class/net/ens9f0np0/statistics/{way}_bytes" for way in ("rx", "tx")]
    assert ["docker", "exec", "c-worker", "cat", *files] in programs.calls
    assert traffic.pf_counters(known.named("p1c1"), chosen)() == {}, "it does not go by the cards"
    assert traffic.pf_counters(known.named("p3c1"), lab(EMULATE="gpu", CONTROLLER_HARDWARE="gpu"))() == {}


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 bytes"), (999, "999 bytes"), (1200, "1.2 kB"), (7_900_000, "7.9 MB"), (22e9, "22.0 GB")]
)
def test_a_size_has_the_unit_that_fits(count: int, shown: str) -> None:
    assert traffic.size(count) == shown
