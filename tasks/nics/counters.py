"""What the PFs in the nodes have received and sent, real ones and emulated ones alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.docker import containers
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.nics.wish import Wish


@dataclass(frozen=True)
class Traffic:
    """What an interface has passed on since it was made.

    Attributes:
        received: Bytes.
        sent: Bytes.
    """

    received: int
    sent: int


def of_cards(wishes: Iterable[Wish]) -> dict[str, Traffic]:
    """Return the traffic of each worker's PF, by the node's name.

    Args:
        wishes: What the parameters ask for (`tasks.nics.wish.wishes(chosen).values()`).

    Raises:
        Problem: A node does not run, or has no such PF.
    """
    return {wish.node: _of(wish.node, wish.interface) for wish in wishes}


def _of(node: str, interface: str) -> Traffic:
    files = [f"/sys/class/net/{interface}/statistics/{name}_bytes" for name in ("rx", "tx")]
    answer = containers.exec_in(node, ["cat", *files], check=False).split()
    if len(answer) != len(files):
        raise Problem(f"{node}: has no {interface} whose counters could be read", hint="./doit nics_status")
    return Traffic(*map(int, answer))
