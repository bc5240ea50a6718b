"""Routes through a lent card: routes of every supported kind come back, and others are refused."""

from __future__ import annotations

import difflib
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import progress
from tasks.nics import cards as nics_cards
from tasks.nics import udev
from tasks.nics.restoring import NotAsItWas, give_back
from tasks.settings.nics import UDEV_RULES
from tests.sriov.vm.world import (
    CLUSTER,
    LEFT,
    RIGHT,
    assert_same,
    container,
    functions,
    ip,
    lend,
    links,
    name_of,
    problem_of,
    properties,
    refused_untouched,
    snapshot,
    taken,
    undress,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


ROUTES = (
    "10.50.0.0/16 via 10.77.0.1 dev {card} onlink",
    "10.51.0.0/16 via 10.9.1.254 mtu lock 1400 advmss 1200 initcwnd 20 hoplimit 5 window 1000 rtt 100ms quickack 1",
    "10.51.0.0/16 via 10.9.1.253 metric 9 features ecn rto_min 20ms",
    "10.52.0.0/16 nexthop via 10.9.1.254 weight 3 nexthop via 10.8.1.254 dev other weight 2 onlink",
    "10.53.0.0/16 dev other src 10.9.1.1",
    "default via 10.9.1.254 table 100 mtu 1300",
    "10.54.0.0/16 tos 0x10 dev {card} proto 77 scope link metric 9",
    "10.55.0.0/16 via inet6 fe80::5 dev {card}",
    "local 10.56.0.0/16 dev {card}",
    "multicast 239.0.0.0/8 dev {card}",
    "throw 10.57.0.0/16 table 100",
)
ROUTES_6 = (
    "default via 2001:db8::fe table 100 pref high mtu 1300",
    "2001:db8:52::/48 nexthop via 2001:db8::fe nexthop via 2001:db8:9::fe dev other weight 3",
    "2001:db8:53::/48 via fe80::1 dev {card} onlink",
    "2001:db8:54::/48 via 2001:db8::fe src 2001:db8::5 metric 7",
    "2001:db8:55::/48 dev {card} metric 5 advmss 1200",
    "2001:db8:56::/48 dev other src 2001:db8::5 metric 8",
)


@contextmanager
def routed() -> Iterator[str]:
    """Give the left card every kind of route, some also over another interface, and a rule; yield the card's name."""
    card = name_of(LEFT)
    with taken("other"):
        for name in ("other", "thief-peer", card, name_of(RIGHT)):
            ip("link", "set", "dev", name, "up")
        until(lambda: "LOWER_UP" in links()[LEFT]["flags"], "the card has a link")
        for address, name in (("10.9.1.1/24", card), ("10.8.1.1/24", "other")):
            ip("address", "add", address, "dev", name)
        for address, name in (("2001:db8::1/64", card), ("2001:db8:9::1/64", "other")):
            ip("address", "add", address, "dev", name, "nodad")
        # After the card's return, the kernel checks this address for duplicates again: a route from it has to wait.
        ip("address", "add", "2001:db8::5/64", "dev", card)
        until(lambda: not any(info.get("tentative") for info in links()[LEFT]["addr_info"]), "no address is tentative")
        for family, routes in (("inet", ROUTES), ("inet6", ROUTES_6)):
            for route in routes:
                ip("-family", family, "route", "add", *route.format(card=card).split())
        ip("rule", "add", "iif", card, "table", "100")
        yield card
        ip("rule", "del", "iif", card, "table", "100")
        for family in ("inet", "inet6"):
            ip("-family", family, "route", "flush", "table", "100")
    ip("link", "set", "dev", name_of(RIGHT), "down")


def routing() -> str:
    """Return the rules and all routes but the kernel's own, as `ip` prints them, without momentary state."""
    words = [(*family, *what) for family in (["-4"], ["-6"]) for what in (["route", "show", "table", "all"], ["rule"])]
    lines = [line for one in words for line in subprocess.run(
        ["/bin/ip", "-o", *one], check=True, capture_output=True, text=True).stdout.splitlines()]  # fmt: skip
    kept = (line.replace(" linkdown", "").replace(" dead", "").strip() for line in lines if "proto kernel" not in line)
    # The order of hops has no meaning in IPv6.
    hops = (sorted(hop.strip() for hop in line.split("\\")) if "db8:52" in line else [line] for line in kept)
    return "\n".join("\\".join(line) for line in hops)


def routes_of_every_kind_come_back() -> None:
    with routed():
        before, table = snapshot(LEFT), routing()
        with container() as node:
            lend(node)
            lent = routing()
            assert lent != table
            assert "2001:db8:9::fe" in lent, "the other hop of an IPv6 route stays"
            give_back(CLUSTER)
        assert_same(before, LEFT)
        after = routing()
        assert sorted(after.splitlines()) == sorted(table.splitlines()), "\n".join(
            difflib.unified_diff(table.splitlines(), after.splitlines(), "before", "after")
        )
    undress()


def route_that_cannot_come_back_lets_the_cluster_go() -> None:
    """If the other interface of a route over two hops has gone, the tool says so and continues with the rest."""
    with container() as node:
        with routed() as card:
            before = snapshot(LEFT)
            lend(node)
        said: list[str] = []
        setattr(progress._listener, "line", said.append)  # noqa: B010 - mypy refuses to assign to a method
        nics_cards.let_go(CLUSTER)
        text = "\n".join(said)
        assert f"{LEFT} {card}: lost the route 10.52.0.0/16" in text, text
        assert "10.50.0.0/16" not in text, "what could come back is not told"
        assert set(functions(LEFT)) <= set(links())
        assert "NM_UNMANAGED=1" not in properties(LEFT), "what is back is managed again"
        assert not udev.complaints(UDEV_RULES)
        assert isinstance(problem_of(lambda: give_back(CLUSTER)), NotAsItWas)
        lend(node)
        ip("link", "add", "other", "type", "veth", "peer", "name", "thief-peer")
        for name in ("other", "thief-peer", name_of(RIGHT)):
            ip("link", "set", "dev", name, "up")
        ip("address", "add", "10.8.1.1/24", "dev", "other")
        ip("address", "add", "2001:db8:9::1/64", "dev", "other", "nodad")
        give_back(CLUSTER)
    assert_same(before, LEFT)
    for family in ("inet", "inet6"):
        ip("-family", family, "route", "flush", "table", "100")
    ip("link", "set", "dev", name_of(RIGHT), "down")
    undress()


def route_that_could_not_come_back_is_refused() -> None:
    name = name_of(LEFT)
    ip("link", "set", "dev", name, "up")
    ip("address", "add", "10.9.1.1/24", "dev", name)
    # The kernel accepts a nexthop only on a device that has a link.
    carrier = Path(f"/sys/class/net/{name}/carrier")
    until(lambda: carrier.read_text(encoding="ascii").strip() == "1", f"{name} has its link")
    ip("nexthop", "add", "id", "5", "via", "10.9.1.9", "dev", name)
    ip("route", "add", "10.64.0.0/16", "nhid", "5")
    refused_untouched("its route to 10.64.0.0/16 has nhid, which could not be given back")
    ip("nexthop", "del", "id", "5")
    undress()
