"""The commands with which a user sends something through a deployed dataflow, and looks at what came out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from tasks.dataflows import containers
from tasks.settings import video

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object

KUBECTL = "./doit kubectl"
_END = f"kill -INT $(pidof {video.PROGRAM})"


def calcapp(flow: Flow, pods: Mapping[str, Object]) -> list[str]:
    """Return the commands for a dataflow that calculates: send, and read the last answer.

    Args:
        flow: The dataflow.
        pods: The pods of its functions, by key.
    """
    first, last = _ends(flow, pods)
    inputs = flow.pattern.inputs
    # The client takes a first input below zero for an option.
    client = shlex.join([flow.pattern.client, *(["--"] if inputs[0].startswith("-") else []), *inputs])
    where = f"-n {flow.namespace}"
    return [
        f"{KUBECTL} exec {where} {_app(first)} -- {client}",
        f"{KUBECTL} logs {where} {_app(last)} --tail 1",
    ]


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
    where = f"-n {flow.namespace}"
    recording, container = video.RECORDER.recording.lstrip("/"), containers.app(last)
    return [
        f"{KUBECTL} exec -n {video.SENDER_NAMESPACE} deploy/{video.SENDER} -- {pipeline}",
        f"{KUBECTL} exec {where} {_app(last)} -- bash -c {shlex.quote(_END)}",
        f"{KUBECTL} cp {where} -c {container.name} {container.pod}:{recording} {recording}",
    ]


def _ends(flow: Flow, pods: Mapping[str, Object]) -> tuple[Object, Object]:
    """Return the first and the last pod."""
    return pods[flow.pattern.hops[0].key], pods[flow.pattern.hops[-1].key]


def _app(pod: Object) -> str:
    """Return the pod and the container of a function, as kubectl takes them."""
    container = containers.app(pod)
    return f"{container.pod} -c {container.name}"
