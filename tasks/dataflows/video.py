"""Verifies a video dataflow: a video goes in at the first function, and the recording of the last one has to play."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.archive import facts
from tasks.dataflows import addresses, containers, reach, results, stand_ins, video_sender
from tasks.dataflows.marking import Marked
from tasks.dataflows.pipelines import Pipelines
from tasks.dataflows.receiver import Receiver
from tasks.dataflows.traffic import Meter
from tasks.engines.kube import pod_files
from tasks.engines.media import user_videos
from tasks.engines.media import video as media
from tasks.patterns.checks import PlayedVideo
from tasks.problems import Problem
from tasks.settings import video
from tasks.target.videos import OnNodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tasks.dataflows.flow import Flow
    from tasks.dataflows.traffic import Pf, Reading
    from tasks.engines.kube.manifests import Object
    from tasks.engines.media.user_videos import Folder
    from tasks.engines.media.video import Video
    from tasks.target.videos import Videos

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
        pfs: Returns the bytes that each PF has carried; nothing where they are not measured.
        videos: Brings a video that was made or changed since the sender was started into its pod.
    """

    pipelines: Pipelines
    receiver: Receiver
    folder: Folder
    pfs: Callable[[], Mapping[Pf, int]] = dict
    videos: Videos = field(default_factory=OnNodes)

    @property
    def flow(self) -> Flow:
        """The dataflow."""
        return self.pipelines.flow

    @property
    def asked(self) -> PlayedVideo:
        """What a recording has to be like."""
        return self.flow.pattern.verification.video or PlayedVideo()

    @property
    def pods(self) -> Mapping[str, Object]:
        """The pods of its functions, by key."""
        return self.pipelines.pods

    @property
    def meter(self) -> Meter:
        """Reads what goes through it."""
        return Meter(self.flow, self.pods, self.pfs)


@dataclass(frozen=True)
class Outcome:
    """What came of one video.

    Attributes:
        received: The recording; None if it does not play.
        kept: Where it is kept.
        wrong: What is wrong with it; empty if nothing is.
        said: What else there is to say of it, one phrase each.
    """

    received: Video | None
    kept: str
    wrong: str
    said: tuple[str, ...] = ()


def verify(flow: Flow, wanted: str, pfs: Callable[[], Mapping[Pf, int]] = dict, videos: Videos | None = None) -> None:
    """Send each video through a dataflow, play what was received, and keep it; the receiver then records anew.

    Args:
        flow: A deployed dataflow of a video pattern.
        wanted: Name of the only video to send; empty for all.
        pfs: Returns the bytes that each PF has carried; nothing where they are not measured.
        videos: How videos come into the sender's pod; None if it sees them where they are.

    Raises:
        Problem: A pipeline does not run, or the received video does not play like the one that was sent, or lacks the
            mark of a function that is stood in for, or did not go by the pattern's network.
    """
    folder = user_videos.here()
    paths = _to_send(folder, wanted)
    pods = flow.pods()
    run = Run(Pipelines(flow, pods), receiver_of(flow, pods), folder, pfs, videos or OnNodes())
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
            media.make(folder.made, video.TEST_SECONDS)
        except OSError as error:
            raise Problem(
                f"work/DATA/video/made/test.mp4: cannot be made: {error.strerror}", hint=_MAY_WRITE
            ) from error
    return folder.made


def _verify_one(run: Run, path: Path) -> None:
    sent = media.play(path)
    flow, name = run.flow, user_videos.shown(path.name)
    if sent is None:
        raise Problem(f"{name}: does not play", hint="./doit doctor --for send_video_tool")
    wrong = ""
    for _ in range(_ATTEMPTS):
        _await_pipelines(run)
        outcome = _pass_on(run, path, sent)
        if outcome.received and not outcome.wrong:
            _say(run, path, sent, outcome)
            return
        wrong = outcome.wrong
        progress.line(f"{flow.name}: {wrong}; kept as {outcome.kept}")
    key = flow.pattern.hops[-1].key
    raise Problem(f"{flow.name}: {key}: {name}: {wrong}, {_ATTEMPTS} times", details=run.pipelines.evidence())


def _pass_on(run: Run, path: Path, sent: Video) -> Outcome:
    """Send a video, end the recording, and judge it."""
    progress.step(f"sending {user_videos.shown(path.name)}: {sent.seconds:.0f} s")
    meter, place = run.meter, run.folder.place_in_pod(path)
    cluster = run.pipelines.cluster
    run.videos.bring(cluster, video_sender.container(cluster), {place: path})
    start = meter.start()
    _send(run.pipelines, place, sent.seconds)
    run.receiver.renew(run.receiver.how.finished)
    moved = meter.since(start)
    outcome = _kept(run, path.name, sent)
    if outcome.wrong:
        return replace(outcome, wrong="; ".join([outcome.wrong, *_where_it_stopped(run, moved)]))
    crossed = meter.crossing(moved, int(run.asked.frames * path.stat().st_size))
    return replace(outcome, said=tuple(filter(None, (*outcome.said, crossed))))


def _where_it_stopped(run: Run, moved: Reading) -> Iterator[str]:
    """Yield the first function that nothing reached, if there is one, and what arrived at each."""
    stopped = reach.unreached(run.flow, run.pods, moved)
    if stopped:
        yield stopped
    yield reach.datagrams(run.flow, moved)


def _say(run: Run, path: Path, sent: Video, outcome: Outcome) -> None:
    """Show where a video went, and what came of it; keep that beside the recording."""
    received = outcome.received or sent
    name = user_videos.shown(path.name)
    results.of(run.flow.pattern.name).keep_record(path.name, _record(run, received, outcome))
    frames = f"{received.codec}, {received.frames} of {sent.frames} frames"
    progress.line(_table(run))
    said = [
        f"{run.flow.name} passed on {name}: {frames}, {received.seconds:.1f} of {sent.seconds:.1f} s",
        *outcome.said,
        stand_ins.phrase(run.flow.stood_in),
        f"kept as {outcome.kept}",
    ]
    progress.line("; ".join(said))


def _await_pipelines(run: Run) -> None:
    """Wait until each function takes data, the receiver with an empty recording."""
    receiver = run.receiver
    if receiver.recorded_bytes():
        # What the last attempt sent has come late.
        receiver.renew(receiver.how.finished)
    run.pipelines.wait()


def _kept(run: Run, name: str, sent: Video) -> Outcome:
    """Copy the finished recording, play it and keep it; return what came of it."""
    receiver = run.receiver
    marked = Marked(run.flow, run.pods)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "received.mp4"
        pod_files.copy_out(receiver.cluster, containers.app(receiver.pod), receiver.how.finished, copy)
        received = media.play(copy)
        wrong = complaint(sent, received, run.asked) or marked.complaint(copy, received)
        said = () if wrong else marked.said()
        kept = results.of(run.flow.pattern.name).keep_video(copy, name, good=not wrong)
    return Outcome(received, user_videos.shown(facts.shown(kept)), wrong, said)


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
    host = addresses.entrance(pipelines.flow, pipelines.pods)
    pipeline = (
        *(*_OPENED, place),
        *(video.PROGRAM, "-q", "filesrc", "location=/dev/fd/3", "!", "qtdemux", "!"),
        *("h264parse", "config-interval=-1", "!", video.WHOLE_FRAMES, "!", "rtph264pay", "seqnum-offset=1", "!"),
        *("udpsink", f"host={host}", f"port={video.PORT}", "buffer-size=2048"),
    )
    cluster.exec(video_sender.container(cluster), pipeline, timeout=seconds + _SENDER_SECONDS)


def complaint(sent: Video, received: Video | None, asked: PlayedVideo) -> str:
    """Return what is wrong with the received video, or an empty string.

    Args:
        sent: The video that was sent.
        received: The recording, None if it does not play.
        asked: What it has to be like.
    """
    if received is None:
        return "nothing that plays was received"
    codec = asked.codec or sent.codec
    if received.codec != codec:
        return f"{received.codec} was received, {f'{codec} expected' if asked.codec else f'{codec} sent'}"
    if received.frames < asked.frames * sent.frames:
        return f"{received.frames} of {sent.frames} frames were received"
    if received.seconds < asked.time * sent.seconds:
        return f"{received.seconds:.1f} of {sent.seconds:.1f} s were received"
    return ""


def _table(run: Run) -> str:
    """Return where each function is as a table: node, own address, and the one at which it is reached."""
    title = ("function", "node", "address", addresses.way(run.flow.pattern))
    return progress.table([title, *_places(run)])


def _places(run: Run) -> Iterator[tuple[str, str, str, str]]:
    """Yield each function, its node, its own address, and the one at which it is reached."""
    pattern = run.flow.pattern
    at = {pattern.hops[0].key: addresses.entrance(run.flow, run.pods), **addresses.told(run.flow, run.pods)}
    for hop in pattern.hops:
        pod = run.pods[hop.key]
        own = addresses.own(pattern.network, pod)
        yield hop.key, pod["spec"].get("nodeName", ""), own, str(at.get(hop.key, ""))


def _record(run: Run, received: Video, outcome: Outcome) -> dict[str, Any]:
    """Return what is kept beside a recording."""
    fields = ("function", "node", "address", "reached_at")
    return {
        "dataflow": run.flow.name,
        **asdict(received),
        "functions": [dict(zip(fields, place, strict=True)) for place in _places(run)],
        "said": outcome.said,
        "cluster": run.flow.place,
        "stand_ins": run.flow.stood_in,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
