"""Routes of a network device: which are recorded, what cannot be given back, and the words of `ip` for each.

A route belongs to a device that it goes through, also as one of several hops, or whose address it has as its source:
the kernel drops all of these when the device leaves. The kernel keeps rules (`ip rule`) that name a device; they hold
again as soon as one of that name is back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tasks.engines.host.namespaces import Link

    Route = Mapping[str, Any]

# Their makers make them again: the kernel from addresses, a client or a router's advertisement by itself.
_OTHERS = ("kernel", "ra", "dhcp", "redirect")
# What `ip -json` calls a field, and the word of its command.
_WORDS = {
    "tos": "tos", "from": "from", "protocol": "proto", "scope": "scope", "table": "table", "metric": "metric",
    "prefsrc": "src", "pref": "pref",
}  # fmt: skip
_HOP = ("gateway", "via", "dev", "weight", "flags")
_FIELDS = ("family", "type", "dst", *_WORDS, "gateway", "via", "dev", "flags", "metrics", "locks", "nexthops")
# What tells of this moment only.
_PASSING = ("expires", "cache", "used", "users", "age", "error")
# Flags that a command sets; the others (linkdown, offload, ...) are the kernel's word on the moment.
_FLAGS = ("onlink", "pervasive")
_DEFAULT_PREFERENCE = "medium"
# Metrics that `ip` prints as a number of milliseconds, in a flag of their own, or under another name.
_MILLISECONDS = ("rtt", "rttvar", "rto_min")
# Locked by its command, which has no word for it.
_ALWAYS_LOCKED = "rto_min"
_FEATURES = ("ecn", "tcp_usec_ts")
_METRIC_WORDS = {"congestion": "congctl"}
# What a route's place in its table depends on.
_KEY = ("family", "table", "dst", "tos", "from", "metric")


def of(link: Link, routes: Iterable[Route]) -> tuple[dict[str, Any], ...]:
    """Return the routes of a device that nobody but us would put back, as a ledger has them.

    Args:
        link: Its interface on the host.
        routes: The host's routes, as `engines.nics.routes` gives them.
    """
    return ordered(_recorded(route, link.name) for route in _lasting(link, routes))


def ordered(routes: Iterable[Route]) -> tuple[dict[str, Any], ...]:
    """Return routes by table and destination; among those of one place, where the first one counts, as they are."""
    return tuple(sorted(map(dict, routes), key=lambda route: [str(part) for part in _place(route)]))


def obstacles(link: Link, routes: Iterable[Route]) -> list[str]:
    """Return a line for each route of a device with something that cannot be given back (an encapsulation, ...)."""
    known = {*_FIELDS, *_PASSING}
    strange = [(route["dst"], sorted(set(route) - known)) for route in _lasting(link, routes)]
    return [f"its route to {where} has {', '.join(fields)}" for where, fields in strange if fields]


def missing(wanted: Iterable[Route], name: str, routes: Sequence[Route]) -> list[dict[str, Any]]:
    """Return what has to be added so that the recorded routes of a device are there.

    Of an IPv6 route over several hops the kernel takes away only the hop that leaves, so that only this one is added.

    Args:
        wanted: The routes of its record.
        name: Name of its interface.
        routes: The host's routes.
    """
    present = [_recorded(route, name) for route in routes]
    return [part for route in wanted if route not in present for part in _parts(route, name, present)]


def remnant(route: Route, name: str, routes: Sequence[Route]) -> dict[str, Any] | None:
    """Return what is left of an IPv6 route whose source address went: the kernel keeps it, without its source.

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
        verb: `append` puts it behind those of its place, so that none is replaced; `del` takes it away.
        route: A recorded route.
        name: Name of the interface that it belongs to.
    """
    return ["-family", route.get("family", "inet"), "route", verb, *_description(route, name)]


def differences(wanted: Iterable[Route], found: Iterable[Route], name: str) -> list[str]:
    """Return a line for each route that is gone, and for each that was not there."""
    was, now = ordered(wanted), ordered(found)
    gone = [f"lost the route {_shown(route, name)}" for route in was if route not in now]
    new = [f"has the route {_shown(route, name)}, which it had not" for route in now if route not in was]
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
        # Of IPv6 the order of hops says nothing: it is that of their making.
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
