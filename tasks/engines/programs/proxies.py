"""The HTTP proxies of the environment, and the hosts that are reached without them."""

from __future__ import annotations

import ipaddress
import os
import re
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

_NAMES = ("http_proxy", "https_proxy", "all_proxy")
_EXCEPTIONS = ("NO_PROXY", "no_proxy")


def are_set() -> bool:
    """Return whether the environment names a proxy."""
    return any(map(_value, _NAMES))


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's loopback, which no proxy can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def direct(url: str) -> dict[str, str] | None:
    """Return the argument `proxies` of requests for a URL: no proxy for loopback, otherwise the environment's.

    NO_PROXY often does not name the loopback. Go programs never use a proxy for it, but requests does.
    """
    host = urlsplit(url).hostname or ""
    return {"no_proxy": host} if is_loopback(host) else None


def towards(url: str) -> SplitResult | None:
    """Return the environment's proxy for a URL, or None if it is reached directly.

    Args:
        url: An address with its scheme.
    """
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    host, found = parts.hostname or "", getproxies()
    proxy = found.get(parts.scheme) or found.get("all")
    if not proxy or is_loopback(host) or proxy_bypass(host):
        return None
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}")


def excepting(host: str, told: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Return the variables that add a host to those reached without a proxy; none if no proxy is set.

    The exceptions are written without blanks, so that every program can read them.

    Args:
        host: Name or address.
        told: Proxies that the program gets from elsewhere, by variable name; the environment takes precedence.
    """
    others = {name: value for name, value in told.items() if value and not _value(name)}
    if not (are_set() or any(others.get(name.upper()) for name in _NAMES)):
        return {}
    given = f"{_value('no_proxy')},{told.get('NO_PROXY', '')}"
    exceptions = ",".join(dict.fromkeys(word for word in [*re.split(r"[,\s]+", given), host] if word))
    return {**others, **dict.fromkeys(_EXCEPTIONS, exceptions)}


def _value(name: str) -> str:
    """Return a variable of the environment, whose name may be in upper or lower case."""
    return os.environ.get(name.upper()) or os.environ.get(name.lower()) or ""
