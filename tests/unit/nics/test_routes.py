"""Routes of a lent card as `ip -json` prints them: what is recorded, refused, added again and reported as different."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.host import namespaces as engine
from tasks.nics import refusals, steps
from tasks.nics import routes as nics_routes
from tasks.problems import Problem
from tests.unit.connectx5.card import HOST
from tests.unit.nics.world import WISH, link, record, words

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.programs import Programs

CARD = "ens9f0np0"
THROUGH: dict[str, Any] = {"family": "inet", "dev": CARD, "flags": []}
THROUGH_6: dict[str, Any] = {"family": "inet6", "dev": CARD, "flags": [], "pref": "medium", "metric": 1024}


def recorded(*routes: dict[str, Any], address: str = "10.9.1.1") -> tuple[dict[str, Any], ...]:
    return nics_routes.of(link(CARD, addresses=({"family": "inet", "local": address, "prefixlen": 24},)), routes)


def orders(route: dict[str, Any], *present: dict[str, Any]) -> list[str]:
    """Return the steps that restore a recorded route if these routes are present."""
    was = record(CARD, routes=recorded(route, address="2001:db8::5" if route["family"] == "inet6" else "10.9.1.1"))
    return words(steps.give_back_routes(was, present, HOST))


HOPS = [
    {"gateway": "10.9.1.254", "dev": CARD, "weight": 3, "flags": ["linkdown"]},
    {"gateway": "10.8.1.254", "dev": "eno1", "weight": 2, "flags": ["onlink"]},
]


@pytest.mark.parametrize(
    ("route", "added"),
    [
        ({**THROUGH, "dst": "10.5.0.0/16", "gateway": "10.77.0.1", "flags": ["onlink", "linkdown"]},
         f"inet route append 10.5.0.0/16 via 10.77.0.1 dev {CARD} onlink"),
        ({**THROUGH_6, "dst": "default", "gateway": "2001:db8::fe", "table": "100", "pref": "high"},
         f"inet6 route append default table 100 metric 1024 pref high via 2001:db8::fe dev {CARD}"),
        ({**THROUGH, "dst": "10.5.0.0/16", "metrics": [{"mtu": 1400, "advmss": 1200, "congestion": "cubic"}],
          "locks": ["mtu"]},
         f"inet route append 10.5.0.0/16 mtu lock 1400 advmss 1200 congctl cubic dev {CARD}"),
        ({**THROUGH, "dst": "10.5.0.0/16", "metrics": [{"rtt": 100, "ecn": None, "rto_min": 20}], "locks": ["rto_min"]},
         f"inet route append 10.5.0.0/16 features ecn rtt 100ms rto_min 20ms dev {CARD}"),
        ({"family": "inet", "dst": "10.5.0.0/16", "flags": [], "nexthops": HOPS},
         (f"inet route append 10.5.0.0/16 nexthop via 10.9.1.254 dev {CARD} weight 3 "
          "nexthop via 10.8.1.254 dev eno1 weight 2 onlink")),
        ({**THROUGH, "dev": "eno1", "dst": "10.5.0.0/16", "scope": "link", "prefsrc": "10.9.1.1"},
         "inet route append 10.5.0.0/16 scope link src 10.9.1.1 dev eno1"),
        ({**THROUGH, "type": "local", "dst": "10.5.0.0/16", "table": "local", "scope": "host", "tos": "0x10"},
         f"inet route append local 10.5.0.0/16 tos 0x10 scope host table local dev {CARD}"),
    ],
    ids=["onlink", "IPv6 default elsewhere", "metrics", "times", "multipath", "source on another", "local"],
)  # fmt: skip
def test_a_route_comes_back_with_all_that_it_had(route: dict[str, Any], added: str) -> None:
    assert orders(route) == [f"-family {added}"]
    assert orders(route, route) == [], "one that is there is left alone"


def test_of_an_ipv6_route_over_several_hops_the_one_that_left_is_added() -> None:
    ours, theirs = ({"gateway": f"2001:db8:{n}::fe", "dev": dev, "weight": n, "flags": []}
                    for n, dev in ((1, CARD), (3, "eno1")))  # fmt: skip
    place = {"family": "inet6", "dst": "2001:db8:52::/48", "metric": 1024, "flags": [], "pref": "medium"}
    both = {**place, "nexthops": [ours, theirs]}
    left = {**place, "gateway": theirs["gateway"], "dev": "eno1"}
    assert orders(both, left) == [
        f"-family inet6 route append 2001:db8:52::/48 metric 1024 nexthop via 2001:db8:1::fe dev {CARD} weight 1"
    ]
    assert orders(both, {**place, "nexthops": [theirs, ours]}) == [], "their order says nothing"


def test_an_ipv6_route_that_lost_its_source_is_made_again() -> None:
    route = {**THROUGH_6, "dev": "eno1", "dst": "2001:db8:56::/48", "prefsrc": "2001:db8::5"}
    left = {name: value for name, value in route.items() if name != "prefsrc"}
    assert orders(route, left) == [
        "-family inet6 route del 2001:db8:56::/48 metric 1024 dev eno1",
        "-family inet6 route append 2001:db8:56::/48 metric 1024 src 2001:db8::5 dev eno1",
    ]


def test_routes_of_others_are_not_recorded() -> None:
    others = (
        {**THROUGH, "dst": "10.9.1.0/24", "protocol": "kernel"},
        {**THROUGH, "dst": "default", "protocol": "dhcp", "table": "100"},
        {**THROUGH, "dst": "10.6.0.0/16", "dev": "eno1", "prefsrc": "192.0.2.10"},
        {"family": "inet", "type": "unreachable", "dst": "10.60.0.0/16", "flags": []},
    )
    assert recorded(*others) == ()


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ({**THROUGH, "dst": "10.64.0.0/16", "nhid": 5}, "its route to 10.64.0.0/16 has nhid"),
        ({**THROUGH, "dst": "10.66.0.0/16", "encap": "ip", "ttl": 0}, "its route to 10.66.0.0/16 has encap, ttl"),
    ],
)
def test_a_route_that_could_not_come_back_is_refused(route: dict[str, Any], said: str) -> None:
    with pytest.raises(Problem, match="SRIOV_PF_IF_1: ens9f0np0 is not lent: its route to") as caught:
        refusals.refuse_routes(WISH, [link(CARD)], [route])
    assert said in caught.value.message
    refusals.refuse_routes(WISH, [link(CARD)], [{**route, "dev": "eno1"}])


def test_differences_are_routes_in_words() -> None:
    (was,) = recorded({**THROUGH, "dst": "10.5.0.0/16", "gateway": "10.9.1.254"})
    (now,) = recorded({**THROUGH, "dst": "10.6.0.0/16", "gateway": "10.9.1.254"})
    assert nics_routes.differences([was, now], [now, was], CARD) == [], "the kernel keeps tables in no order"
    assert nics_routes.differences([was], [now], CARD) == [
        "lost the route 10.5.0.0/16 via 10.9.1.254 dev ens9f0np0",
        "has the route 10.6.0.0/16 via 10.9.1.254 dev ens9f0np0, which it did not have",
    ]
    twin = {**was, "gateway": "10.9.1.253"}
    assert nics_routes.differences([was, twin], [twin, was], CARD) == ["its routes are in another order"]


# Prints each text of its folder once, then the last one every time.
IP = """\
case "$*" in
*-json*inet6*) echo '[]' ;;
*-json*) cat "$FOLDER/listed" ;;
*) set -- "$FOLDER"/text-*; cat "$1"; [ $# = 1 ] || rm "$1" ;;
esac
"""


def test_locked_metrics_are_taken_from_the_text(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [{"dst": "default", "dev": CARD}, {"dst": "10.5.0.0/16", "dev": CARD, "metrics": [{"mtu": 1400}]}]
    (tmp_path / "listed").write_text(json.dumps(listed))
    (tmp_path / "text-1").write_text("default dev a\n")
    (tmp_path / "text-2").write_text("default dev a\n10.5.0.0/16 dev a mtu lock 1400 rto_min lock 20ms \n")
    monkeypatch.setenv("FOLDER", str(tmp_path))
    programs.write("ip", IP)
    assert [route.get("locks") for route in engine.routes()] == [None, ["mtu", "rto_min"]]
    (tmp_path / "text-2").write_text("one line\n")
    with pytest.raises(Problem, match="change faster than they can be read"):
        engine.routes()
