"""What went through the functions of a dataflow while something was sent: datagrams, and bytes in the second network.

The kernel counts both, in the network namespace of each function's pod and at each PF. Pods send and receive through
the PF of their node, so that the PF has carried at least what they sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.dataflows import addresses, containers
from tasks.nics import counters, emulated, wish
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object
    from tasks.patterns.model import Pattern
    from tasks.settings.parameters.model import Parameters

# Without a shell, which an image of the user may not have.
_LOOK = ("cat", "/proc/net/snmp", "/proc/net/dev")
_UDP = "Udp:"
# Whether somebody reads them, nobody listens, or there was no room for them: these datagrams have arrived.
_ARRIVED = ("InDatagrams", "NoPorts", "InErrors")
# The columns of /proc/net/dev, after the name of the interface.
_RECEIVED, _SENT = 0, 8
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


@dataclass(frozen=True)
class Traffic:
    """What a pod's kernel has counted.

    Attributes:
        datagrams: UDP datagrams that arrived.
        received: Bytes that came in at the second interface.
        sent: Bytes that went out there.
    """

    datagrams: int = 0
    received: int = 0
    sent: int = 0

    def __sub__(self, other: Traffic) -> Traffic:
        """Return what was counted since."""
        return Traffic(self.datagrams - other.datagrams, self.received - other.received, self.sent - other.sent)


@dataclass(frozen=True)
class Pf:
    """The physical function of a worker.

    Attributes:
        node: The worker.
        interface: Name of the interface.
    """

    node: str
    interface: str

    def __str__(self) -> str:
        """Return its name for messages."""
        return f"{self.interface} of {self.node}"


@dataclass(frozen=True)
class Reading:
    """The counters of a dataflow at one time, or between two times.

    Attributes:
        pods: Those of each function's pod, by key.
        pfs: The bytes that each PF has received and sent; nothing where they are not measured.
    """

    pods: Mapping[str, Traffic]
    pfs: Mapping[Pf, int]

    def since(self, before: Reading) -> Reading:
        """Return what was counted since an earlier reading."""
        none = Traffic()
        pods = {key: seen - before.pods.get(key, none) for key, seen in self.pods.items()}
        return Reading(pods, {pf: carried - before.pfs.get(pf, 0) for pf, carried in self.pfs.items()})


@dataclass(frozen=True)
class Meter:
    """Reads the counters of a dataflow.

    Attributes:
        flow: The dataflow.
        pods: The pods of its functions, by key.
        pfs: Returns the bytes that each PF has received and sent; nothing where they are not measured.
    """

    flow: Flow
    pods: Mapping[str, Object]
    pfs: Callable[[], Mapping[Pf, int]] = dict

    def start(self) -> Reading:
        """Return the counters before something is sent: those of the PFs first, so that they miss nothing of a pod."""
        pfs = self.pfs()
        return Reading(self._pods(), pfs)

    def since(self, start: Reading) -> Reading:
        """Return what was counted since the start."""
        pods = self._pods()
        return Reading(pods, self.pfs()).since(start)

    def _pods(self) -> dict[str, Traffic]:
        pattern = self.flow.pattern
        if pattern.network != "sriov" and not pattern.verification.video:
            return {}  # datagrams count for videos only; functions that answer by TCP name where the chain stops
        return {key: self._counted(key, pod) for key, pod in self.pods.items()}

    def _counted(self, key: str, pod: Object) -> Traffic:
        try:
            return parsed(self.flow.cluster.exec(containers.app(pod), _LOOK))
        except Problem as problem:
            reason = f"{self.flow.name}: {key}: its network counters cannot be read: {problem.message}"
            raise Problem(reason, details=problem.details) from problem

    def crossing(self, moved: Reading, least: int) -> str:
        """Return what the second network has carried, as a phrase; an empty string for a dataflow that has none.

        Args:
            moved: What was counted while something was sent.
            least: Bytes that were sent, at least.

        Raises:
            Problem: It did not go by the second network, or did not cross the PF of a node.
        """
        pattern = self.flow.pattern
        if pattern.network != "sriov":
            return ""
        # What the first function received came from outside of its pod.
        sent = moved.pods[pattern.hops[0].key].received + sum(one.sent for one in moved.pods.values())
        if sent < least:
            raise Problem(
                f"{self.flow.name}: the packets did not go by {addresses.SECOND}: "
                f"{size(sent)} there, {size(least)} were to be sent"
            )
        for pf, carried in moved.pfs.items():
            own = self._sent_from(pf.node, moved)
            if carried < own:
                raise Problem(
                    f"{self.flow.name}: the packets did not cross {pf}: "
                    f"it carried {size(carried)}, the functions there sent {size(own)}"
                )
        carried = sum(moved.pfs.values())
        if moved.pfs and carried < sent:
            names = ", ".join(map(str, moved.pfs))
            raise Problem(
                f"{self.flow.name}: the packets did not cross {names}: {size(carried)} there, {size(sent)} sent"
            )
        return f"{addresses.SECOND}: {size(sent)} sent" + (f", PFs carried {size(carried)}" if moved.pfs else "")

    def _sent_from(self, node: str, moved: Reading) -> int:
        here = (key for key, pod in self.pods.items() if pod.get("spec", {}).get("nodeName") == node)
        return sum(moved.pods[key].sent for key in here)


def pf_counters(pattern: Pattern, chosen: Parameters) -> Callable[[], Mapping[Pf, int]]:
    """Return what reads the bytes that the PFs have carried; nothing for a dataflow that does not go by them.

    Only emulated cards are measured: a real card counts what its virtual functions carry for these alone.

    Args:
        pattern: What the dataflow is made of.
        chosen: The parameters.
    """
    if pattern.network != "sriov" or not emulated.asked_for(chosen):
        return dict
    asked = tuple(wish.wishes(chosen).values())
    pfs = {one.node: Pf(one.node, one.interface) for one in asked}
    return lambda: {pfs[node]: seen.received + seen.sent for node, seen in counters.of_cards(asked).items()}


def parsed(text: str) -> Traffic:
    """Return the counters in the text of /proc/net/snmp and /proc/net/dev.

    Args:
        text: Both, one after the other.
    """
    rows = [line.split() for line in text.splitlines()]
    udp = [row[1:] for row in rows if row[:1] == [_UDP]]
    counts = dict(zip(*udp[:2], strict=False)) if len(udp) > 1 else {}
    columns = next((row[1:] for row in rows if row[:1] == [f"{addresses.SECOND}:"]), [])
    received, sent = (int(columns[place]) for place in (_RECEIVED, _SENT)) if columns else (0, 0)
    return Traffic(sum(int(counts.get(name, 0)) for name in _ARRIVED), received, sent)


def size(count: int) -> str:
    """Return a number of bytes with the unit that fits."""
    unit = next(((least, name) for least, name in _UNITS if count >= least), None)
    return f"{count / unit[0]:.1f} {unit[1]}" if unit else f"{count} bytes"
