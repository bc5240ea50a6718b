"""Where a chain stops: the first function that the one before it does not reach, in the network of the pattern."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from tasks.dataflows import addresses, containers
from tasks.settings import video

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tasks.dataflows.flow import Flow
    from tasks.dataflows.traffic import Reading
    from tasks.engines.kube.manifests import Object

_SECONDS = 3
# A name that a function's sidecar looks up is a datagram too; a video has more than these.
_FEW = 3
# Connects, and prints why that fails. The words: host and port.
_CONNECT = f"""
said=$(timeout {_SECONDS} bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$0" "$1" 2>&1)
case $? in
  0) ;;
  124) echo "no answer within {_SECONDS} s" ;;
  *) echo "${{said##*: }}" ;;
esac
"""


def unconnected(flow: Flow, pods: Mapping[str, Object]) -> str:
    """Return the first function to which the one before it cannot connect, and why; empty if all can.

    Args:
        flow: A deployed dataflow whose functions listen on TCP.
        pods: The pods of its functions, by key.
    """
    told = addresses.told(flow, pods)
    hops = [hop.key for hop in flow.pattern.hops]
    for before, key in pairwise(hops):
        if key not in told:
            return f"{before} has not been told where {key} is"
        address = told[key]
        reason = containers.run(flow.cluster, pods[before], _CONNECT, address.host, str(address.port)).strip()
        if reason:
            return f"{_unreachable(flow, pods, before, key)}: {reason}"
    return ""


def unreached(flow: Flow, pods: Mapping[str, Object], moved: Reading) -> str:
    """Return the first function at which no video arrived; an empty string if some of it arrived at all of them.

    Args:
        flow: A deployed dataflow whose functions listen on UDP.
        pods: The pods of its functions, by key.
        moved: What was counted while something was sent.
    """
    before = f"the sender ({video.SENDER})"
    for hop in flow.pattern.hops:
        if moved.pods[hop.key].datagrams < _FEW:
            return _unreachable(flow, pods, before, hop.key)
        before = hop.key
    return ""


def datagrams(flow: Flow, moved: Reading) -> str:
    """Return how many datagrams arrived at each function, in order."""
    return "datagrams received: " + ", ".join(f"{hop.key} {moved.pods[hop.key].datagrams}" for hop in flow.pattern.hops)


def _unreachable(flow: Flow, pods: Mapping[str, Object], before: str, key: str) -> str:
    where = ", ".join(_place(flow, pods[key]))
    return f"{key} ({where}): unreachable from {before} at {_at(flow, pods, key)}"


def _place(flow: Flow, pod: Object) -> Iterator[str]:
    """Yield the node and the address of a function, as far as they are known."""
    node, address = pod.get("spec", {}).get("nodeName", ""), addresses.own(flow.pattern.network, pod)
    if node:
        yield f"on {node}"
    if address:
        yield address


def _at(flow: Flow, pods: Mapping[str, Object], key: str) -> str:
    """Return the interface at which a function is reached, or else the address."""
    told = addresses.told(flow, pods).get(key)
    if told is None or told.host == addresses.own(flow.pattern.network, pods[key]):
        return addresses.way(flow.pattern)
    return f"{addresses.way(flow.pattern)} {told}"
