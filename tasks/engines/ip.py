"""The host's routes, as iproute2 tells them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import IPv4Network

from tasks.engines import shell


@dataclass(frozen=True)
class Route:
    """Where a network is reached: its addresses, and the interface they go to."""

    destination: IPv4Network
    device: str


def routes() -> tuple[Route, ...]:
    """Return the IPv4 routes of the host's main table, without the default route.

    Raises:
        Problem: The `ip` program is missing or failed.
    """
    entries = json.loads(shell.run([shell.find("ip", package="iproute2"), "-json", "-4", "route"]).stdout or "[]")
    return tuple(
        Route(IPv4Network(entry["dst"]), entry.get("dev", entry.get("type", "")))
        for entry in entries
        if entry["dst"] != "default"
    )
