"""Verifies a video dataflow: a video goes in at the first function, and the recording of the last one has to play."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import progress
from tasks.archive import facts
from tasks.controller import kinds
from tasks.dataflows import results
from tasks.dataflows.containers import APP
from tasks.dataflows.pipelines import Pipelines
from tasks.dataflows.receiver import Receiver
from tasks.engines.kube import manifests, pod_files
from tasks.engines.kube.pod_exec import Container
from tasks.engines.media import user_videos
from tasks.engines.media import video as videos
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import patterns, video

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tasks.dataflows.flow import Flow
    from tasks.engines.kube.manifests import Object
    from tasks.engines.media.user_videos import Folder
    from tasks.engines.media.video import Video
    from tasks.settings.patterns import Pattern

_NETWORKS = "k8s.v1.cni.cncf.io/network-status"
# A pipeline starts some seconds after its pod is Ready.
_PIPELINE_SECONDS = 60.0
# The time that a sender takes on a busy machine, beyond the length of the video.
_SENDER_SECONDS = 60.0
_ATTEMPTS = 3
# The shell opens the file: gst-launch would read blanks, quotes and backslashes in a name as its own syntax.
_OPENED = ("sh", "-c", 'exec 3< "$0" && exec "$@"')
_MAY_WRITE = 'sudo chown -R "$USER" work/DATA/video'


@dataclass(frozen=True)
class Run:
    """What a verification works with.

    Attributes:
        pipelines: The functions.
        receiver: The last of them, which records.
        folder: Where the videos are.
    """

    pipelines: Pipelines
    receiver: Receiver
    folder: Folder

    @property
    def flow(self) -> Flow:
        """The dataflow."""
        return self.pipelines.flow


def verify(flow: Flow, wanted: str) -> None:
    """Send each video through a dataflow, play what was received, and keep it; the receiver then records anew.

    Args:
        flow: A deployed dataflow of a video pattern.
        wanted: Name of the only video to send; empty for all.

    Raises:
        Problem: A pipeline does not run, or the received video does not play like the one that was sent.
    """
    folder = user_videos.here()
    paths = _to_send(folder, wanted)
    pods = flow.pods()
    run = Run(Pipelines(flow, pods), receiver_of(flow, pods), folder)
    _put_aside(run.receiver)
    verify_each(run, paths)
    progress.line(f"{run.receiver.name} records again: process {run.receiver.process()} on UDP {video.PORT}")


def verify_each(run: Run, paths: Iterable[Path]) -> None:
    """Verify with one video after another; whatever happens, the receiver runs afterwards.

    Args:
        run: What to work with.
        paths: The videos.

    Raises:
        Problem: A video does not come through.
    """
    try:
        for path in paths:
            _verify_one(run, path)
    except BaseException:
        _revive(run.receiver)
        raise


def receiver_of(flow: Flow, pods: Mapping[str, Object]) -> Receiver:
    """Return the receiver of a deployed dataflow.

    Args:
        flow: The dataflow of a video pattern.
        pods: The pods of its functions, by key.
    """
    return Receiver(flow.cluster, pods[flow.pattern.hops[-1].key], flow.redeployment)


def _put_aside(receiver: Receiver) -> None:
    """Put aside what somebody else has sent: a verification needs an empty recording."""
    receiver.ensure()
    if receiver.recorded_bytes():
        receiver.renew(receiver.how.earlier)
        progress.line(f"{receiver.name}: what it had recorded is now {receiver.how.earlier}")


def _revive(receiver: Receiver) -> None:
    """Start the receiver if the run failed or was interrupted while it was down."""
    try:
        receiver.ensure()
    except Problem as problem:
        progress.line(problem.message)


def _to_send(folder: Folder, wanted: str) -> list[Path]:
    """Return the user's videos or, if there are none, one made for the test.

    Raises:
        Problem: One of them cannot be sent; the first line names it.
    """
    found = folder.find(wanted)
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


def _verify_one(run: Run, path: Path) -> None:
    sent = videos.play(path)
    flow, name = run.flow, user_videos.shown(path.name)
    if sent is None:
        raise Problem(f"{name}: does not play", hint="./doit doctor --for send_video_tool")
    wrong = ""
    for _ in range(_ATTEMPTS):
        _await_pipelines(run)
        progress.step(f"sending {name}: {sent.seconds:.0f} s")
        _send(run.pipelines, run.folder.place_in_pod(path), sent.seconds)
        run.receiver.renew(run.receiver.how.finished)
        received, kept, wrong = _kept(run, path.name, sent)
        if received and not wrong:
            progress.line(_table(run.pipelines))
            progress.line(
                f"{flow.name} passed on {name}: {received.codec}, {received.frames} of {sent.frames} frames, "
                f"{received.seconds:.1f} of {sent.seconds:.1f} s; kept as {kept}"
            )
            return
        progress.line(f"{flow.name}: {wrong}; kept as {kept}")
    raise Problem(f"{flow.name}: {name}: {wrong}, {_ATTEMPTS} times", details=run.pipelines.evidence())


def _await_pipelines(run: Run) -> None:
    """Wait until a pipeline runs in each function and the receiver listens, with an empty recording."""
    receiver = run.receiver
    if receiver.recorded_bytes():
        # What the last attempt sent has come late.
        receiver.renew(receiver.how.finished)

    def idle() -> list[str]:
        return run.pipelines.idle() or ([] if receiver.process() else [receiver.name])

    waiting.Condition(
        f"{run.flow.name}: a pipeline in each function",
        idle,
        lambda missing: not missing,
        describe=lambda missing: f"none in {', '.join(missing)}",
    ).wait(_PIPELINE_SECONDS, explain=run.pipelines.evidence, hint=run.flow.redeployment)


def _kept(run: Run, name: str, sent: Video) -> tuple[Video | None, str, str]:
    """Copy the finished recording, play it and keep it; return it, its place and what is wrong with it."""
    receiver = run.receiver
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "received.mp4"
        pod_files.copy_out(receiver.cluster, Container.of(receiver.pod, APP), receiver.how.finished, copy)
        received = videos.play(copy)
        wrong = complaint(sent, received)
        kept = results.of(run.flow.pattern.name).keep_video(copy, name, good=not wrong)
    return received, user_videos.shown(facts.shown(kept)), wrong


def _send(pipelines: Pipelines, place: str, seconds: float) -> None:
    """Send a video to the first function.

    Args:
        pipelines: The functions.
        place: Path of the video in the sender's pod.
        seconds: How long it plays.

    Raises:
        Problem: The function has no address, or no sender is running.
    """
    cluster = pipelines.cluster
    pipeline = (
        *(*_OPENED, place),
        *(video.PROGRAM, "-q", "filesrc", "location=/dev/fd/3", "!", "qtdemux", "!"),
        *("h264parse", "config-interval=-1", "!", video.WHOLE_FRAMES, "!", "rtph264pay", "seqnum-offset=1", "!"),
        *("udpsink", f"host={host(pipelines)}", f"port={video.PORT}", "buffer-size=2048"),
    )
    senders = cluster.list(manifests.POD, video.SENDER_NAMESPACE, f"app={video.SENDER}")
    alive = [pod for pod in senders if "deletionTimestamp" not in pod["metadata"]]
    if not alive:
        raise Problem(f"{video.SENDER}: has no pod", hint="./doit send_video_tool")
    sender = Container(manifests.name_of(alive[0]), video.SENDER_NAMESPACE, video.SENDER)
    cluster.exec(sender, pipeline, timeout=seconds + _SENDER_SECONDS)


def host(pipelines: Pipelines) -> str:
    """Return the address to which videos are sent.

    Raises:
        Problem: The first function has none.
    """
    flow = pipelines.flow
    key = flow.pattern.hops[0].key
    service = pipelines.cluster.get(manifests.SERVICE, f"{kinds.function_name(flow.name, key)}-service", flow.namespace)
    return address(flow.pattern, pipelines.pods[key], service)


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
