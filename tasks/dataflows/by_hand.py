"""The commands with which a user sends something through a deployed dataflow, and looks at what came out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tasks.dataflows import calcapp, containers
from tasks.settings import video

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object

KUBECTL = "./doit kubectl"
_END = f"kill -INT $(pidof {video.PROGRAM})"


def values(flow: Flow, pods: Mapping[str, Object]) -> list[str]:
    """Return the commands for a dataflow that calculates: send, and read the last answer.

    Args:
        flow: The dataflow.
        pods: The pods of its functions, by key.
    """
    first, last = _ends(flow, pods)
    return [command(flow, first, calcapp.request(flow.pattern)), f"{log(flow, last)} --tail 1"]


def log(flow: Flow, pod: Object) -> str:
    """Return the command that shows what a function has logged.

    Args:
        flow: The dataflow.
        pod: The function's pod.
    """
    return f"{KUBECTL} logs -n {flow.namespace} {_app(pod)}"


def command(flow: Flow, pod: Object, argv: Sequence[str]) -> str:
    """Return the command that runs a program in the container of a function.

    Args:
        flow: The dataflow.
        pod: The function's pod.
        argv: The program and its arguments.
    """
    return f"{KUBECTL} exec -n {flow.namespace} {_app(pod)} -- {shlex.join(argv)}"


def videos(flow: Flow, pods: Mapping[str, Object], host: str, place: str) -> list[str]:
    """Return the commands for a dataflow that carries video: send, end the recording, and copy it.

    Args:
        flow: The dataflow.
        pods: The pods of its functions, by key.
        host: Address of the first function.
        place: Path of a video in the sender's pod.
    """
    _, last = _ends(flow, pods)
    pipeline = (
        f"{video.PROGRAM} -e -v filesrc location={shlex.quote(place)} ! qtdemux ! video/x-h264 ! "
        f"h264parse config-interval=-1 ! {video.WHOLE_FRAMES} ! rtph264pay seqnum-offset=1 ! "
        f"udpsink host={host} port={video.PORT} buffer-size=2048"
    )
    recording, container = video.RECORDER.recording.lstrip("/"), containers.app(last)
    return [
        f"{KUBECTL} exec -n {video.SENDER_NAMESPACE} deploy/{video.SENDER} -- {pipeline}",
        command(flow, last, ["bash", "-c", _END]),
        f"{KUBECTL} cp -n {flow.namespace} -c {container.name} {container.pod}:{recording} {recording}",
    ]


def _ends(flow: Flow, pods: Mapping[str, Object]) -> tuple[Object, Object]:
    """Return the first and the last pod."""
    return pods[flow.pattern.hops[0].key], pods[flow.pattern.hops[-1].key]


def _app(pod: Object) -> str:
    """Return the pod and the container of a function, as kubectl takes them."""
    container = containers.app(pod)
    return f"{container.pod} -c {container.name}"
