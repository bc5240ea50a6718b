"""tasks.dataflows.receiver: real processes record, end and record again, by the scripts that run in a container."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tasks.dataflows import video
from tasks.dataflows.flow import Deadlines, Flow
from tasks.dataflows.pipelines import Pipelines
from tasks.dataflows.receiver import Receiver
from tasks.engines.media import video as videos
from tasks.engines.media.user_videos import Folder
from tasks.engines.programs import waiting
from tasks.patterns import known
from tasks.problems import Problem
from tasks.scenarios import files
from tasks.settings.video import Recorder
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.pod_exec import Container
    from tests.unit.conftest import Lines

# Binds a port, truncates its recording, and completes it when SIGINT comes, as gst-launch does; "deaf" ignores that.
RECORDER = """
import signal, socket, sys
if sys.argv[1] == "deaf":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
listening = socket.socket(type=socket.SOCK_DGRAM)
listening.bind(("127.0.0.1", int(sys.argv[2])))
recording = open("recording", "wb", buffering=0)
print("started", *sys.argv[1:], flush=True)
try:
    while True:
        recording.write(listening.recv(100))
except KeyboardInterrupt:
    recording.write(b" complete")
"""
WRAPPER = "import signal; signal.pause()"


class Machine:
    """A cluster whose containers are this machine.

    Attributes:
        mishap: What happens when somebody asks for an object.
    """

    def __init__(self, mishap: Callable[[], None] = lambda: None) -> None:
        self.mishap = mishap

    def get(self, *_: object) -> None:
        self.mishap()

    def list(self, *_: object) -> Sequence[dict[str, object]]:
        return [{"metadata": {"name": "send-video-tool"}}]

    def exec(self, _where: Container, argv: Sequence[str], **_: object) -> str:
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode:
            raise Problem("bash: failed", details=done.stderr)
        return done.stdout


@dataclass(frozen=True)
class Pod:
    """The processes of a receiver's pod, under names that no other process of this machine has."""

    folder: Path
    how: Recorder

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def command(self) -> list[str]:
        return [self.how.program, str(self.folder / "recorder.py"), "a b", str(self.how.port), ""]

    @property
    def receiver(self) -> Receiver:
        pod = {"metadata": {"name": "rcv-pod", "namespace": "n"}}
        return Receiver(cast("Kube", Machine()), pod, "./doit again", self.how)

    def start(self, *argv: str) -> None:
        # Through a shell, as a container's processes: none is a child of this process, which would have to wait for it.
        started = 'set -m; cd "$0" && exec "$@" >>log 2>&1 </dev/null &'
        subprocess.run(["/bin/bash", "-c", started, self.folder, *argv], check=True)

    def record(self, *command: str) -> None:
        self.start(*(command or self.command))
        waiting.until("recorder: listens", self.receiver.process, bool, deadline=20)

    def receive(self, text: str) -> None:
        before = self.receiver.recorded_bytes()
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.sendto(text.encode(), ("127.0.0.1", self.how.port))
        waiting.until("recorder: bytes", self.receiver.recorded_bytes, lambda size: size > before, deadline=20)

    def end_by_hand(self) -> None:
        os.kill(int(self.receiver.process()), signal.SIGINT)
        waiting.until("recorder: ended", self.receiver.has_ended, bool, deadline=20)


def free_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    """A pod in which the wrapper runs, and no pipeline yet."""
    folder, mark = tmp_path / "a pod", uuid.uuid4().hex
    folder.mkdir()
    programs = [folder / f"{name}-{mark}" for name in ("recorder", "wrapper")]
    for program in programs:
        program.symlink_to(Path(sys.executable).resolve())
    (folder / "recorder.py").write_text(RECORDER)
    how = Recorder(
        program=str(programs[0]),
        port=free_port(),
        wrapper=str(programs[1]),
        configurations=tuple(str(folder / name) for name in ("config.yaml", "config.json")),
        recording=str(folder / "recording"),
        finished=str(folder / "finished"),
        earlier=str(folder / "earlier"),
    )
    made = Pod(folder, how)
    made.start(str(programs[1]), "-c", WRAPPER)
    yield made
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            ours = mark in process.read_text()
        except OSError:
            continue  # it has ended meanwhile
        if ours:
            os.kill(int(process.parent.name), signal.SIGKILL)


def test_a_recording_is_completed_and_the_same_command_records_again(pod: Pod) -> None:
    pod.record()
    for round_ in ("one", "two"):
        earlier = pod.receiver.process()
        pod.receive(round_)
        pod.receiver.renew(pod.how.finished)
        assert Path(pod.how.finished).read_text() == f"{round_} complete"
        assert (pod.receiver.recorded_bytes(), pod.receiver.has_ended()) == (0, False)
        assert pod.receiver.process() not in {"", earlier}
    process = Path("/proc", pod.receiver.process())
    assert (process / "cmdline").read_text().split("\0")[:-1] == pod.command
    assert (process / "cwd").readlink() == pod.folder
    # What it says is in the container's log, as before.
    assert pod.log.read_text().count("started a b") == 3


@pytest.mark.parametrize("kind", ["yaml", "json"])
def test_a_receiver_that_a_user_has_ended_is_started_again_and_the_recording_is_not_lost(
    pod: Pod, kind: str, said: Lines
) -> None:
    words = "\n".join(f"- {json.dumps(word)}" for word in pod.command)
    content = f"command:\n{words}\n" if kind == "yaml" else json.dumps({"command": pod.command})
    (pod.folder / f"config.{kind}").write_text(content)
    pod.record()
    pod.receive("the user's")
    pod.end_by_hand()
    pod.receiver.ensure()
    assert Path(pod.how.earlier).read_text() == "the user's complete"
    assert pod.receiver.process()
    assert said.kept == ["rcv-pod: the receiver had ended, and is started again"]


def test_a_receiver_that_has_yet_to_start_is_left_to_its_wrapper(pod: Pod, said: Lines) -> None:
    assert not pod.receiver.has_ended()
    pod.receiver.ensure()
    assert (pod.receiver.process(), said.kept) == ("", [])


def test_one_that_cannot_be_started_again_is_one_line(pod: Pod) -> None:
    pod.record()
    pod.end_by_hand()
    with pytest.raises(Problem, match=r"^rcv-pod: no pipeline runs, and its configuration names none") as caught:
        pod.receiver.ensure()
    assert caught.value.hint == "./doit again"


def test_a_recording_that_was_removed_is_not_mistaken_for_the_last_one(pod: Pod) -> None:
    pod.record()
    pod.receiver.renew(pod.how.finished)
    Path(pod.how.recording).unlink()
    with pytest.raises(Problem) as caught:
        pod.receiver.renew(pod.how.finished)
    assert f"{pod.how.recording} was removed while " in caught.value.details
    waiting.until("recorder: records again", pod.receiver.process, bool, deadline=20)


def test_one_that_does_not_end_is_not_started_twice(pod: Pod) -> None:
    program, script, *_ = pod.command
    pod.record(program, script, "deaf", str(pod.how.port))
    before = pod.receiver.process()
    with pytest.raises(Problem) as caught:
        replace(pod.receiver, how=replace(pod.how, seconds=1)).renew(pod.how.finished)
    assert "has not ended 1 s after SIGINT" in caught.value.details
    assert pod.receiver.process() == before
    assert not Path(pod.how.finished).exists()


@pytest.mark.parametrize("reason", [Problem("the sender broke"), SystemExit(130)], ids=["failed", "interrupted"])
def test_a_verification_that_ends_early_leaves_a_receiver_that_records(
    pod: Pod, tmp_path: Path, reason: BaseException
) -> None:
    def break_off() -> None:
        pod.end_by_hand()
        raise reason

    (pod.folder / "config.json").write_text(json.dumps({"command": pod.command}))
    pod.record()
    cluster = cast("Kube", Machine(break_off))
    pattern = known.named("p1c1")
    flow = Flow(cluster, pattern, files.of(cluster, pattern, lab()), Deadlines(1.0, 1.0))
    folder = Folder(tmp_path / "work")
    videos.make(folder.made, 0.2)
    with pytest.raises(type(reason)):
        video.verify_each(video.Run(Pipelines(flow, {}), pod.receiver, folder), [folder.made])
    assert pod.receiver.process()
