"""TCP connections in the network namespace of this process, as the kernel lists them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PROC_NET = Path("/proc/net")

# TCP_ESTABLISHED, proc_pid_net(5).
_ESTABLISHED = "01"
_WORD_BYTES = 4


@dataclass(frozen=True)
class Connection:
    """One established connection.

    Attributes:
        local: This side's address, as `ip` writes it.
        port: This side's port.
        peer: The other side's address.
    """

    local: str
    port: int
    peer: str


def established(proc_net: Path = PROC_NET) -> tuple[Connection, ...]:
    """Return the established connections over IPv4 and IPv6; IPv4-mapped addresses are given as IPv4.

    Args:
        proc_net: Where the kernel's tables are.
    """
    rows = (line.split() for name in ("tcp", "tcp6") for line in _lines(proc_net / name))
    return tuple(_connection(row[1], row[2]) for row in rows if row[3] == _ESTABLISHED)


def from_outside(own: Iterable[str], proc_net: Path = PROC_NET) -> tuple[Connection, ...]:
    """Return the established connections whose peer is another machine, without duplicates.

    Args:
        own: The addresses of this namespace's interfaces.
        proc_net: Where the kernel's tables are.
    """
    here = set(own)
    found = (one for one in established(proc_net) if one.peer not in here and not ip_address(one.peer).is_loopback)
    return tuple(dict.fromkeys(found))


def _lines(table: Path) -> list[str]:
    """Return the rows of a table; none if it does not exist, as on a kernel without IPv6."""
    return table.read_text(encoding="ascii").splitlines()[1:] if table.exists() else []


def _connection(local: str, peer: str) -> Connection:
    return Connection(_address(local), int(local.rpartition(":")[2], 16), _address(peer))


def _address(end: str) -> str:
    """Return the address in `address:port`; the kernel prints each 32-bit word in the processor's byte order."""
    digits = bytes.fromhex(end.rpartition(":")[0])
    words = (digits[start : start + _WORD_BYTES] for start in range(0, len(digits), _WORD_BYTES))
    packed = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    if len(packed) == _WORD_BYTES:
        return str(IPv4Address(packed))
    address = IPv6Address(packed)
    return str(address.ipv4_mapped or address)
