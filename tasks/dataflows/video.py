"""Verifies a video dataflow: a video goes in at the first function, and the recording of the last one has to play."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import progress
from tasks.controller import kinds
from tasks.dataflows import flow as flows
from tasks.engines.kube import manifests, pod_files
from tasks.engines.kube.pod_exec import Container
from tasks.engines.media import user_videos
from tasks.engines.media import video as videos
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import parameters, patterns, video

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.engines.media.user_videos import Folder
    from tasks.engines.media.video import Video
    from tasks.settings.patterns import Pattern

_APP = "cpu-container0"
_NETWORKS = "k8s.v1.cni.cncf.io/network-status"
# A pipeline starts some seconds after its pod is Ready or after a request.
_PIPELINE_SECONDS = 60.0
_STOP_SECONDS = 30.0
# The time that a sender takes on a busy machine, beyond the length of the video.
_SENDER_SECONDS = 60.0
_ATTEMPTS = 3
_LAST_LINES = 8
# The shell opens the file: gst-launch would read blanks, quotes and backslashes in a name as its own syntax.
_OPENED = ("sh", "-c", 'exec 3< "$0" && exec "$@"')
_MAY_WRITE = 'sudo chown -R "$USER" work/DATA/video'
# Prints the ids of a program's processes and, if there is a signal, sends it to them.
_PROCESSES = (
    "for process in /proc/[0-9]*; do program=; read -r -d '' program < $process/cmdline; "
    '[[ $program == "$0" || ${{program##*/}} == "$0" ]] && {{ echo ${{process#/proc/}}; {signal}; }}; '
    "done 2>/dev/null; true"
)


@dataclass(frozen=True)
class Pipelines:
    """The running functions of a video pattern.

    Attributes:
        flow: The dataflow.
        pods: The pods of its functions, by key.
        folder: Where the videos are.
    """

    flow: Flow
    pods: Mapping[str, Object]
    folder: Folder

    @property
    def cluster(self) -> Kube:
        """The API."""
        return self.flow.cluster

    @property
    def receiver(self) -> Object:
        """Pod of the last function, which records."""
        return self.pods[self.flow.pattern.hops[-1].key]


def verify(name: str) -> None:
    """Send each video through a dataflow and play what was received.

    Args:
        name: Name of a video pattern.

    Raises:
        Problem: A pipeline does not run, or the received video does not play like the one that was sent.
    """
    flow = flows.of(name, parameters.current())
    folder = user_videos.here()
    pipelines = Pipelines(flow, flow.pods(), folder)
    for path in _to_send(folder):
        _verify_one(pipelines, path)


def _to_send(folder: Folder) -> list[Path]:
    """Return the user's videos or, if there are none, one made for the test.

    Raises:
        Problem: One of them cannot be sent; the first line names it.
    """
    found = folder.find()
    if found.wrong:
        lines = [f"work/DATA/video: {wrong.name}: {wrong.reason}" for wrong in found.wrong]
        raise Problem("\n".join(lines), hint="; ".join(wrong.cure for wrong in found.wrong))
    if found.foreign:
        progress.line(f"work/DATA/video: {', '.join(found.foreign)}: of macOS, passed over")
    return list(found.files) or [_test_video(folder)]


def _test_video(folder: Folder) -> Path:
    if not folder.made.is_file():
        progress.step(f"making a test video of {video.TEST_SECONDS:.0f} s")
        folder.ensure()
        try:
            videos.make(folder.made, video.TEST_SECONDS)
        except OSError as error:
            raise Problem(
                f"work/DATA/video/made/test.mp4: cannot be made: {error.strerror}", hint=_MAY_WRITE
            ) from error
    return folder.made


def _verify_one(pipelines: Pipelines, path: Path) -> None:
    sent = videos.play(path)
    flow, name = pipelines.flow, user_videos.shown(path.name)
    if sent is None:
        raise Problem(f"{name}: does not play", hint="./doit doctor --for send_video_tool")
    wrong = ""
    for _ in range(_ATTEMPTS):
        _ensure_fresh_receiver(pipelines)
        progress.step(f"sending {name}: {sent.seconds:.0f} s")
        _send(pipelines, path, sent.seconds)
        received = _end_recording(pipelines)
        wrong = complaint(sent, received)
        if received and not wrong:
            progress.line(_table(pipelines))
            progress.line(
                f"{flow.name} passed on {name}: {received.codec}, {received.frames} of {sent.frames} frames, "
                f"{received.seconds:.1f} of {sent.seconds:.1f} s"
            )
            return
        progress.line(f"{flow.name}: {wrong}")
    raise Problem(f"{flow.name}: {name}: {wrong}, {_ATTEMPTS} times", details=_evidence(pipelines))


def _ensure_fresh_receiver(pipelines: Pipelines) -> None:
    """Restart the last pipeline if it has recorded something; wait until all run and its recording is empty."""
    cluster, flow, receiver = pipelines.cluster, pipelines.flow, pipelines.receiver
    if _recorded_bytes(cluster, receiver) > 0:
        _stop(cluster, receiver)
        _processes(cluster, receiver, video.WRAPPER, "HUP")

    def idle() -> list[str]:
        keys = [key for key, pod in pipelines.pods.items() if not _processes(cluster, pod, video.PROGRAM)]
        return keys or ([flow.pattern.hops[-1].key] if _recorded_bytes(cluster, receiver) else [])

    waiting.Condition(
        f"{flow.name}: a pipeline in each function",
        idle,
        lambda missing: not missing,
        describe=lambda missing: f"none in {', '.join(missing)}",
    ).wait(_PIPELINE_SECONDS, explain=lambda: _evidence(pipelines), hint=flow.redeployment)


def _send(pipelines: Pipelines, path: Path, seconds: float) -> None:
    """Send a video to the first function.

    Raises:
        Problem: The function has no address, or no sender is running.
    """
    cluster, flow = pipelines.cluster, pipelines.flow
    key = flow.pattern.hops[0].key
    service = cluster.get(manifests.SERVICE, f"{kinds.function_name(flow.name, key)}-service", flow.namespace)
    host = address(flow.pattern, pipelines.pods[key], service)
    pipeline = (
        *(*_OPENED, pipelines.folder.place_in_pod(path)),
        *(video.PROGRAM, "-q", "filesrc", "location=/dev/fd/3", "!", "qtdemux", "!", "h264parse", "!"),
        *("rtph264pay", "config-interval=-1", "seqnum-offset=1", "!"),
        *("udpsink", f"host={host}", f"port={video.PORT}", "buffer-size=2048"),
    )
    senders = cluster.list(manifests.POD, video.SENDER_NAMESPACE, f"app={video.SENDER}")
    alive = [pod for pod in senders if "deletionTimestamp" not in pod["metadata"]]
    if not alive:
        raise Problem(f"{video.SENDER}: has no pod", hint="./doit send_video_tool")
    sender = Container(manifests.name_of(alive[0]), video.SENDER_NAMESPACE, video.SENDER)
    cluster.exec(sender, pipeline, timeout=seconds + _SENDER_SECONDS)


def address(pattern: Pattern, pod: Object, service: Object | None) -> str:
    """Return the address at which a node reaches the first function of a pattern.

    Args:
        pattern: A video pattern.
        pod: The function's pod.
        service: The Service in front of it, if there is one.

    Raises:
        Problem: It has no address in the pattern's network.
    """
    if pattern.network == "sriov":
        return _second_address(pod)
    if service is None:
        raise Problem(f"{pattern.dataflow}: no Service in front of {pattern.hops[0].key}")
    given = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    if not given and pattern.network == "loadbalancer":
        raise Problem(
            f"Service {manifests.name_of(service)}: no load balancer gave it an address", hint="./doit addon:metallb"
        )
    return str(given[0]["ip"] if given else service["spec"]["clusterIP"])


def _second_address(pod: Object) -> str:
    """Return a pod's address in the SR-IOV network, as Multus records it."""
    status = json.loads(pod["metadata"].get("annotations", {}).get(_NETWORKS, "[]"))
    found = [network for network in status if network["name"].rpartition("/")[2] == patterns.SRIOV_NETWORK]
    if not found or not found[0].get("ips"):
        raise Problem(
            f"pod {manifests.name_of(pod)}: its annotation {_NETWORKS} has no address in {patterns.SRIOV_NETWORK}"
        )
    return str(found[0]["ips"][0])


def _end_recording(pipelines: Pipelines) -> Video | None:
    """End the recording properly, copy it and play it: an unfinished MP4 file has no index."""
    cluster, receiver = pipelines.cluster, pipelines.receiver
    _stop(cluster, receiver)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "received.mp4"
        pod_files.copy_out(cluster, Container.of(receiver, _APP), video.RECORDING, copy)
        return videos.play(copy)


def complaint(sent: Video, received: Video | None) -> str:
    """Return what is wrong with the received video, or an empty string.

    Args:
        sent: The video that was sent.
        received: The recording, None if it does not play.
    """
    if received is None:
        return "nothing that plays was received"
    if received.codec != sent.codec:
        return f"{received.codec} was received, {sent.codec} sent"
    if received.frames < video.SHARE * sent.frames:
        return f"{received.frames} of {sent.frames} frames were received"
    if received.seconds < video.SHARE * sent.seconds:
        return f"{received.seconds:.1f} of {sent.seconds:.1f} s were received"
    return ""


def _table(pipelines: Pipelines) -> str:
    rows = [("function", "node", "address")]
    for hop in pipelines.flow.pattern.hops:
        pod = pipelines.pods[hop.key]
        rows.append((hop.key, pod["spec"].get("nodeName", ""), pod.get("status", {}).get("podIP", "")))
    return progress.table(rows)


def _evidence(pipelines: Pipelines) -> str:
    """Return which functions run a pipeline, and the last lines of their logs."""
    cluster, flow, lines = pipelines.cluster, pipelines.flow, []
    for hop in flow.pattern.hops:
        pod = pipelines.pods[hop.key]
        running = "a pipeline runs" if _processes(cluster, pod, video.PROGRAM) else "no pipeline runs"
        log = cluster.logs(Container.of(pod, _APP), tail=_LAST_LINES)
        lines += [f"{hop.key}: {running}", *(f"  {hop.key} | {line}" for line in log.splitlines())]
    return "\n".join(lines)


def _recorded_bytes(cluster: Kube, receiver: Object) -> int:
    script = f"stat -c %s {video.RECORDING} 2>/dev/null || echo 0"
    return int(cluster.exec(Container.of(receiver, _APP), ["bash", "-c", script]))


def _stop(cluster: Kube, receiver: Object) -> None:
    _processes(cluster, receiver, video.PROGRAM, "INT")
    waiting.until(
        f"{manifests.name_of(receiver)}: recording ended",
        lambda: _processes(cluster, receiver, video.PROGRAM),
        lambda running: not running,
        deadline=_STOP_SECONDS,
    )


def _processes(cluster: Kube, pod: Object, program: str, signal: str = "") -> list[str]:
    """Return the ids of a program's processes in a pod, and send them a signal if one is given."""
    script = _PROCESSES.format(signal=f"kill -{signal} ${{process#/proc/}}" if signal else ":")
    command = ["bash", "-c", script, program]
    return cluster.exec(Container.of(pod, _APP), command).split()
