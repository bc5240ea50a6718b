"""tasks.engines.media.user_videos: which videos can be sent, and the commands that fix the others."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from tasks.dataflows import video
from tasks.dataflows.flow import Deadlines, Flow
from tasks.dataflows.pipelines import Pipelines
from tasks.engines.media import user_videos
from tasks.engines.media import video as videos
from tasks.engines.media.user_videos import Folder
from tasks.patterns import known
from tasks.problems import Problem
from tasks.scenarios import files
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.pod_exec import Container
    from tests.unit.programs import Programs

NAMES = (
    "plain.mp4",
    "a b.mp4",
    'it\'s "q".mp4',
    "a\\b.mp4",
    "-dash.mp4",
    "$HOME `!`;#.mp4",
    "new\nline.mp4",
    "日本.MP4",
)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return the folder of the user's videos in a checkout with a blank in its name."""
    made = Folder(tmp_path / "check out/work")
    made.path.mkdir(parents=True)
    return made


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the content of an H.264 video."""
    file = tmp_path_factory.mktemp("video") / "good.mp4"
    videos.make(file, 0.2)
    return file.read_bytes()


def paste(command: str, folder: Folder) -> None:
    """Run a cure as a user does: in the checkout, by bash."""
    subprocess.run(["/bin/bash", "-ec", command], cwd=folder.work.parent, check=True, stdin=subprocess.DEVNULL)


class Sender:
    """A cluster whose only pod runs programs on this machine, with a gst-launch-1.0 that copies its input."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.received = b""
        program = folder / "gst-launch-1.0"
        program.write_text('#!/bin/sh\ncat "${3#location=}"\n')
        program.chmod(0o755)

    def get(self, *_: object) -> dict[str, object]:
        return {"metadata": {"name": "pip"}, "spec": {"clusterIP": "10.96.0.7"}}

    def list(self, *_: object) -> list[dict[str, object]]:
        return [{"metadata": {"name": "send-video-tool"}}]

    def exec(self, _where: Container, argv: tuple[str, ...], **_: object) -> str:
        path = f"{self.folder}:{os.environ['PATH']}"
        done = subprocess.run(argv, env={"PATH": path}, cwd="/", check=True, capture_output=True)
        self.received = done.stdout
        return ""


def flow_of(sender: Sender) -> Flow:
    cluster, pattern = cast("Kube", sender), known.named("p1c1")
    return Flow(cluster, pattern, files.of(cluster, pattern, lab()), Deadlines(1.0, 1.0))


@pytest.mark.parametrize("name", NAMES)
def test_a_video_is_sent_whatever_it_is_called(folder: Folder, good: bytes, tmp_path: Path, name: str) -> None:
    (folder.path / name).write_bytes(good)
    assert video._to_send(folder, "") == [folder.path / name]
    sender = Sender(tmp_path)
    seen_by_the_pod = replace(folder, in_pod=str(folder.path))
    place = seen_by_the_pod.place_in_pod(folder.path / name)
    video._send(Pipelines(flow_of(sender), {"pip": {}}), place, 0.2)
    assert sender.received == good
    assert "\n" not in user_videos.shown(name)


@pytest.mark.parametrize("name", [*NAMES, "b\udce9.mp4"])
def test_a_cure_can_be_pasted_whatever_the_file_is_called_and_puts_its_output_where_it_is_needed(
    folder: Folder, programs: Programs, good: bytes, name: str
) -> None:
    outside = folder.work.parent.parent / f"outside {name}"
    outside.write_bytes(good)
    (folder.path / name).symlink_to(outside)
    (wrong,) = folder.find().wrong
    assert "\n" not in f"{wrong.name}{wrong.reason}{wrong.cure}"
    paste(wrong.cure, folder)
    if "\udce9" in name:
        assert [path.name for path in folder.path.iterdir()] == ["b_.mp4"]
        return
    assert not (folder.path / name).is_symlink()
    (folder.path / name).write_bytes(good.replace(b"avc1", b"hvc1"))
    programs.write("ffmpeg", '[ "$1 $3 $4 $#" = "-i -c:v libx264 5" ] && cp "$2" "$5"')
    (wrong,) = folder.find().wrong
    assert wrong.reason == "without H.264 (hvc1)"
    paste(wrong.cure, folder)
    assert {path.name for path in folder.path.iterdir()} == {name, f"{name}.orig"}


def test_one_of_the_videos_is_sent_alone_whatever_is_wrong_with_the_others(folder: Folder, good: bytes) -> None:
    for name in ("a.mp4", "b.mp4"):
        (folder.path / name).write_bytes(good)
    (folder.path / "cut.mp4").write_bytes(good[:90])
    assert video._to_send(folder, "b.mp4") == [folder.path / "b.mp4"]
    with pytest.raises(Problem, match=r"^work/DATA/video: cut\.mp4: no MP4 file"):
        video._to_send(folder, "")


@pytest.mark.parametrize(
    ("there", "says", "hint"),
    [
        (("it's.mp4", "b.mp4"), "there are b.mp4, it's.mp4", "VIDEO=b.mp4 with the same command"),
        (("notes.txt",), "there is no *.mp4", "cp road.mp4 work/DATA/video/"),
    ],
)
def test_a_video_that_is_not_there_is_one_line_with_those_that_are(
    folder: Folder, there: tuple[str, ...], says: str, hint: str
) -> None:
    for name in there:
        (folder.path / name).write_bytes(b"")
    with pytest.raises(Problem) as caught:
        video._to_send(folder, "road.mp4")
    assert caught.value.message == f"work/DATA/video: VIDEO=road.mp4: not there; {says}"
    assert caught.value.hint == hint
    assert not folder.made.exists()


def test_what_macos_puts_beside_a_video_is_passed_over(folder: Folder, good: bytes) -> None:
    (folder.path / "road.mp4").write_bytes(good)
    (folder.path / "._road.mp4").write_bytes(b"\0\5\x16\7")
    found = folder.find()
    assert (found.files, found.wrong, found.foreign) == ((folder.path / "road.mp4",), (), ("._road.mp4",))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("nowhere", "a link to nowhere, which is not there"),
        ("x.mp4", "a link to x.mp4, which is not there"),
        ("../../other.mp4", "a link that leads out of work/DATA/video, where the sender does not see it"),
        ("..", "a folder"),
        ("/dev/null", "no file"),
    ],
)
def test_a_link_that_the_pod_cannot_follow_is_one_line(folder: Folder, good: bytes, target: str, reason: str) -> None:
    (folder.work / "other.mp4").write_bytes(good)
    (folder.path / "x.mp4").symlink_to(target)
    (wrong,) = folder.find().wrong
    assert (wrong.name, wrong.reason) == ("x.mp4", reason)
    with pytest.raises(Problem, match=rf"^work/DATA/video: x\.mp4: {reason}\n") as caught:
        video._to_send(folder, "")
    assert caught.value.hint == wrong.cure
    paste(wrong.cure, folder)
    assert not folder.find().wrong


def test_a_link_within_the_folder_is_sent_as_what_it_leads_to(folder: Folder, good: bytes) -> None:
    (folder.path / "films").mkdir()
    (folder.path / "films/road").write_bytes(good)
    (folder.path / "road.mp4").symlink_to(folder.path / "films/road")
    assert folder.find().files == (folder.path / "road.mp4",)
    assert folder.place_in_pod(folder.path / "road.mp4") == "/opt/video/films/road"


@pytest.mark.parametrize("above", ["DATA", "DATA/video"])
def test_a_folder_elsewhere_is_one_line_with_the_command_that_brings_it_here(
    folder: Folder, good: bytes, tmp_path: Path, above: str
) -> None:
    (folder.path / "road.mp4").write_bytes(good)
    (folder.work / above).rename(tmp_path / "else where")
    (folder.work / above).symlink_to(tmp_path / "else where")
    (wrong,) = folder.find().wrong
    assert (wrong.name, "which the nodes do not see" in wrong.reason) == (f"work/{above}", True)
    with pytest.raises(Problem, match=f"work/{above}: a link to "):
        folder.ensure()
    paste(wrong.cure, folder)
    assert folder.find().files == (folder.path / "road.mp4",)


def test_a_file_in_the_place_of_the_folder_is_one_line(folder: Folder) -> None:
    folder.path.rmdir()
    folder.path.write_text("")
    with pytest.raises(Problem, match=r"^work/DATA/video: no folder\n"):
        folder.ensure()


@pytest.mark.usefixtures("powerless")
def test_a_video_that_may_not_be_read_is_one_line(folder: Folder, good: bytes) -> None:
    (folder.path / "x.mp4").write_bytes(good)
    (folder.path / "x.mp4").chmod(0)
    (wrong,) = folder.find().wrong
    assert (wrong.reason, wrong.cure) == ("cannot be read: Permission denied", "sudo chmod a+r work/DATA/video/x.mp4")


def test_without_videos_one_is_made(folder: Folder) -> None:
    assert video._to_send(folder, "") == [folder.made]
    assert folder.place_in_pod(folder.made) == "/opt/video/made/test.mp4"
