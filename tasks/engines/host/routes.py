"""The host's routes, as iproute2 reports them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from tasks.engines.programs import shell
from tasks.problems import Problem


@dataclass(frozen=True)
class Route:
    """A route to a network: the network's addresses, and the interface that leads to it."""

    destination: IPv4Network
    device: str


def routes() -> tuple[Route, ...]:
    """Return the IPv4 routes of the host's main table, without the default route.

    Raises:
        Problem: The `ip` program is missing or failed.
    """
    return tuple(
        Route(IPv4Network(entry["dst"]), entry.get("dev", entry.get("type", "")))
        for entry in _told("-4", "route")
        if entry["dst"] != "default"
    )


def default_mtu() -> int | None:
    """Return the smallest MTU, in bytes, of the default routes' interfaces, or None if there are none.

    Raises:
        Problem: The `ip` program is missing or failed.
    """
    devices = {entry.get("dev") for entry in _told("route", "show", "default")}
    return min((link["mtu"] for link in _told("link", "show") if link["ifname"] in devices), default=None)


def _told(*words: str) -> list[dict[str, Any]]:
    answer = shell.run([shell.find("ip", package="iproute2"), "-json", *words]).stdout
    try:
        told: list[dict[str, Any]] = json.loads(answer or "[]")
    except ValueError:
        raise Problem(f"ip {' '.join(words)}: the answer is no JSON", hint="sudo apt-get install iproute2") from None
    return told
