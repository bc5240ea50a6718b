"""A network for nodes, created with kind's settings: kind uses an existing network as it is."""

from __future__ import annotations

import hashlib
import struct
from ipaddress import IPv6Address, IPv6Network
from typing import TYPE_CHECKING

from tasks import progress
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docker import APIClient

_MTU = "com.docker.network.driver.mtu"
_MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
_DEFAULT_BRIDGE = "bridge"
# How many IPv6 subnets are tried, as in kind's ensureNetwork.
_SUBNETS = 5
_TAKEN = ("pool overlaps", "networks have overlapping")
_CONFLICT = 409


def create(api: APIClient, name: str, labels: Mapping[str, str]) -> None:
    """Create a bridge network with the MTU of the default bridge and, if the engine supports it, an IPv6 subnet.

    The settings are those of kind v0.24.0, pkg/cluster/internal/providers/docker/network.go.

    Args:
        api: The engine.
        name: Name of the network.
        labels: Labels of the network.

    Raises:
        Problem: The engine refuses, for example because there are no free addresses.
    """
    reason = ""
    for number in range(_SUBNETS):
        reason = _refusal(api, name, labels, ipv6_subnet(name, number))
        if not any(words in reason.lower() for words in _TAKEN):
            break
    if not reason:
        return
    without = _refusal(api, name, labels, None)
    if without:
        raise Problem(f"docker network {name}: {without}", hint="docker network ls; docker network prune")
    progress.line(f"The Docker network {name} has no IPv6: {reason}")


def ipv6_subnet(name: str, number: int) -> IPv6Network:
    """Return the unique local IPv6 subnet that kind derives from a network's name.

    Args:
        name: Name of the network.
        number: Number of the attempt, from 0: how many subnets were already in use.
    """
    digest = hashlib.sha1(name.encode() + struct.pack("<i", number), usedforsecurity=False).digest()
    return IPv6Network((IPv6Address(b"\xfc\x00" + digest[2:8] + bytes(8)), 64))


def _refusal(api: APIClient, name: str, labels: Mapping[str, str], subnet: IPv6Network | None) -> str:
    """Try to create the network; return why the engine refuses, or an empty string."""
    from docker.errors import APIError
    from docker.types import IPAMConfig, IPAMPool

    try:
        api.create_network(
            name,
            driver="bridge",
            options={_MASQUERADE: "true", **_mtu_of_default(api)},
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))]) if subnet else None,
            # Another checkout may be creating it at the same time.
            check_duplicate=True,
            labels=dict(labels),
            enable_ipv6=subnet is not None,
        )
    except APIError as error:
        reason = str(error.explanation or error)
        return "" if error.status_code == _CONFLICT and "already exists" in reason else reason
    return ""


def _mtu_of_default(api: APIClient) -> dict[str, str]:
    """Return the option for the MTU of the default bridge; none if there is no such bridge or it states no MTU."""
    from docker.errors import NotFound

    try:
        mtu = str((api.inspect_network(_DEFAULT_BRIDGE)["Options"] or {}).get(_MTU, ""))
    except NotFound:
        return {}
    return {_MTU: mtu} if mtu.isdecimal() and int(mtu) > 0 else {}
