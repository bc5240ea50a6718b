"""A network for nodes, made as kind makes its own: kind takes one that is there as it finds it."""

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
# How many IPv6 subnets are tried, as by kind's ensureNetwork.
_SUBNETS = 5
_TAKEN = ("pool overlaps", "networks have overlapping")
_CONFLICT = 409


def create(api: APIClient, name: str, labels: Mapping[str, str]) -> None:
    """Make a bridge network with the MTU of the engine's default bridge and, where the engine can, an IPv6 subnet.

    The settings are those of kind v0.24.0, pkg/cluster/internal/providers/docker/network.go.

    Args:
        api: The engine.
        name: Name of the network.
        labels: Labels of the network.

    Raises:
        Problem: The engine refuses, such as for want of free addresses.
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
        number: How many were taken before, from 0 on.
    """
    digest = hashlib.sha1(name.encode() + struct.pack("<i", number), usedforsecurity=False).digest()
    return IPv6Network((IPv6Address(b"\xfc\x00" + digest[2:8] + bytes(8)), 64))


def _refusal(api: APIClient, name: str, labels: Mapping[str, str], subnet: IPv6Network | None) -> str:
    """Try to make the network; return why the engine refuses, or nothing."""
    from docker.errors import APIError
    from docker.types import IPAMConfig, IPAMPool

    try:
        api.create_network(
            name,
            driver="bridge",
            options={_MASQUERADE: "true", **_mtu_of_default(api)},
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))]) if subnet else None,
            # Another checkout may make it at this very moment.
            check_duplicate=True,
            labels=dict(labels),
            enable_ipv6=subnet is not None,
        )
    except APIError as error:
        reason = str(error.explanation or error)
        return "" if error.status_code == _CONFLICT and "already exists" in reason else reason
    return ""


def _mtu_of_default(api: APIClient) -> dict[str, str]:
    """Return the option for the MTU of the default bridge; none where there is no such bridge or it tells none."""
    from docker.errors import NotFound

    try:
        mtu = str((api.inspect_network(_DEFAULT_BRIDGE)["Options"] or {}).get(_MTU, ""))
    except NotFound:
        return {}
    return {_MTU: mtu} if mtu.isdecimal() and int(mtu) > 0 else {}
