"""Routes of a network device: which are recorded, which cannot be restored, and the words of `ip` for each.

A route belongs to a device if it goes through the device, also as one of several hops, or if its source is an address
of the device: the kernel drops all of these when the device leaves. The kernel keeps rules (`ip rule`) that name a
device; they apply again as soon as a device of that name is back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tasks.engines.host.namespaces import Link

    Route = Mapping[str, Any]

# Protocols of routes that come back by themselves: from the kernel, a DHCP client or a router advertisement.
_OTHERS = ("kernel", "ra", "dhcp", "redirect")
# The name of a field in `ip -json`, and its word in a command.
_WORDS = {
    "tos": "tos", "from": "from", "protocol": "proto", "scope": "scope", "table": "table", "metric": "metric",
    "prefsrc": "src", "pref": "pref",
}  # fmt: skip
_HOP = ("gateway", "via", "dev", "weight", "flags")
_FIELDS = ("family", "type", "dst", *_WORDS, "gateway", "via", "dev", "flags", "metrics", "locks", "nexthops")
# Fields that describe only the present moment.
_PASSING = ("expires", "cache", "used", "users", "age", "error")
# Flags that a command sets; with the others (linkdown, offload, ...) the kernel describes the present moment.
_FLAGS = ("onlink", "pervasive")
_DEFAULT_PREFERENCE = "medium"
# Metrics that `ip` prints in milliseconds, as flags of their own, or under another name.
_MILLISECONDS = ("rtt", "rttvar", "rto_min")
# The command always locks this one, and has no word for it.
_ALWAYS_LOCKED = "rto_min"
_FEATURES = ("ecn", "tcp_usec_ts")
_METRIC_WORDS = {"congestion": "congctl"}
# Fields that determine a route's place in its table.
_KEY = ("family", "table", "dst", "tos", "from", "metric")


def of(link: Link, routes: Iterable[Route]) -> tuple[dict[str, Any], ...]:
    """Return the routes of a device that nothing but this tool restores, as a ledger has them.

    Args:
        link: Its interface on the host.
        routes: The host's routes, as `tasks.engines.host.namespaces.routes` returns them.
    """
    return ordered(_recorded(route, link.name) for route in _lasting(link, routes))


def ordered(routes: Iterable[Route]) -> tuple[dict[str, Any], ...]:
    """Return routes sorted by table and destination; those of one place keep their order, as the first one counts."""
    return tuple(sorted(map(dict, routes), key=lambda route: [str(part) for part in _place(route)]))


def obstacles(link: Link, routes: Iterable[Route]) -> list[str]:
    """Return a line for each route of a device with something that cannot be restored (an encapsulation, ...)."""
    known = {*_FIELDS, *_PASSING}
    strange = [(route["dst"], sorted(set(route) - known)) for route in _lasting(link, routes)]
    return [f"its route to {where} has {', '.join(fields)}" for where, fields in strange if fields]


def missing(wanted: Iterable[Route], name: str, routes: Sequence[Route]) -> list[dict[str, Any]]:
    """Return what has to be added so that the recorded routes of a device are there.

    When a hop of an IPv6 route over several hops leaves, the kernel removes only that hop, so only that one is added.

    Args:
        wanted: The routes of its record.
        name: Name of its interface.
        routes: The host's routes.
    """
    present = [_recorded(route, name) for route in routes]
    return [part for route in wanted if route not in present for part in _parts(route, name, present)]


def remnant(route: Route, name: str, routes: Sequence[Route]) -> dict[str, Any] | None:
    """Return what is left of an IPv6 route whose source address is gone: the kernel keeps it without the source.

    Args:
        route: A recorded route that is missing.
        name: Name of the interface that it belongs to.
        routes: The host's routes.
    """
    bare = {field: value for field, value in route.items() if field != "prefsrc"}
    left = route.get("family") == "inet6" and "prefsrc" in route
    return bare if left and bare in [_recorded(other, name) for other in routes] else None


def words(verb: str, route: Route, name: str) -> list[str]:
    """Return the words of `ip` that change a route.

    Args:
        verb: `append` adds it after those of its place, so that none is replaced; `del` removes it.
        route: A recorded route.
        name: Name of the interface that it belongs to.
    """
    return ["-family", route.get("family", "inet"), "route", verb, *_description(route, name)]


def differences(wanted: Iterable[Route], found: Iterable[Route], name: str) -> list[str]:
    """Return a line for each route that is gone, and for each that is new."""
    was, now = ordered(wanted), ordered(found)
    gone = [f"lost the route {_shown(route, name)}" for route in was if route not in now]
    new = [f"has the route {_shown(route, name)}, which it did not have" for route in now if route not in was]
    return gone + new or (["its routes are in another order"] if was != now else [])


def _lasting(link: Link, routes: Iterable[Route]) -> Iterator[Route]:
    own = {info.get("local") for info in link.addresses}
    for route in routes:
        devices = {route.get("dev"), *(hop.get("dev") for hop in route.get("nexthops", ()))}
        if (link.name in devices or route.get("prefsrc") in own) and route.get("protocol") not in _OTHERS:
            yield route


def _recorded(route: Route, name: str) -> dict[str, Any]:
    kept = _chosen(route, _FIELDS)
    if kept.get("dev") == name:
        del kept["dev"]
    if kept.get("pref") == _DEFAULT_PREFERENCE:
        del kept["pref"]
    if "metrics" in kept and not isinstance(kept["metrics"], dict):
        kept["metrics"] = {metric: value for found in kept["metrics"] for metric, value in found.items()}
    if "nexthops" in kept:
        hops = [_chosen(hop, _HOP) for hop in kept["nexthops"]]
        # The order of IPv6 hops has no meaning: it is the order in which they were added.
        kept["nexthops"] = sorted(hops, key=str) if kept.get("family") == "inet6" else hops
    return kept


def _chosen(found: Route, fields: Sequence[str]) -> dict[str, Any]:
    chosen = {name: found[name] for name in fields if name in found}
    flags = [flag for flag in chosen.pop("flags", ()) if flag in _FLAGS]
    return {**chosen, "flags": flags} if flags else chosen


def _place(route: Route) -> list[Any]:
    return [route.get(name, "") for name in _KEY]


def _parts(route: Route, name: str, present: Sequence[Route]) -> list[dict[str, Any]]:
    if route.get("family") != "inet6" or "nexthops" not in route:
        return [dict(route)]
    there = [hop for other in present if _place(other) == _place(route) for hop in _hops(other, name)]
    return [{**route, "nexthops": [hop]} for hop in route["nexthops"] if _target(hop) not in map(_target, there)]


def _hops(route: Route, name: str) -> Sequence[Route]:
    return list(route["nexthops"]) if "nexthops" in route else [{"dev": name, **route}]


def _target(hop: Route) -> tuple[Any, Any]:
    return hop.get("gateway"), hop.get("dev")


def _description(route: Route, name: str) -> list[str]:
    kind = [route["type"]] if "type" in route else []
    named = [word for field, word in _WORDS.items() if field in route for word in (word, str(route[field]))]
    several = route.get("nexthops", ())
    hops = [word for hop in several for word in ("nexthop", *_hop_words(hop))]
    single = [] if several else _hop_words({"dev": name, **route})
    return [*kind, route["dst"], *named, *_metric_words(route), *(hops or single)]


def _hop_words(hop: Route) -> list[str]:
    via = hop.get("via", {})
    gateway = ["via", hop["gateway"]] if "gateway" in hop else ["via", via["family"], via["host"]] if via else []
    weight = ["weight", str(hop["weight"])] if "weight" in hop else []
    return [*gateway, "dev", hop["dev"], *weight, *hop.get("flags", ())]


def _metric_words(route: Route) -> list[str]:
    metrics, locks = route.get("metrics", {}), route.get("locks", ())
    plain = [(metric, value) for metric, value in metrics.items() if metric not in _FEATURES]
    features = [word for feature in _FEATURES if feature in metrics for word in ("features", feature)]
    return features + [
        word
        for metric, value in plain
        for word in (
            _METRIC_WORDS.get(metric, metric),
            *(["lock"] if metric in locks and metric != _ALWAYS_LOCKED else []),
            f"{value}ms" if metric in _MILLISECONDS else str(value),
        )
    ]


def _shown(route: Route, name: str) -> str:
    return " ".join(_description(route, name))
