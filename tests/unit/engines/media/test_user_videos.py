"""tasks.engines.media.user_videos: what of work/DATA/video can be sent, and commands that put the rest right."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tasks.dataflows import video
from tasks.dataflows.flow import Deadlines, Flow
from tasks.engines.media import user_videos
from tasks.engines.media import video as videos
from tasks.problems import Problem
from tasks.scenarios import files
from tasks.settings import paths
from tasks.settings import video as settings
from tasks.settings.patterns import BY_NAME
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube

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
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the user's videos in a checkout with a blank in its name."""
    work = tmp_path / "check out/work"
    monkeypatch.setattr(paths, "WORK", work)
    made = work / "DATA/video"
    monkeypatch.setattr(settings, "FOLDER", made)
    monkeypatch.setattr(settings, "TEST_VIDEO", made / "made/test.mp4")
    made.mkdir(parents=True)
    return made


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the content of a video of H.264."""
    file = tmp_path_factory.mktemp("video") / "good.mp4"
    videos.make(file, 0.2)
    return file.read_bytes()


def paste(command: str) -> None:
    """Run a cure as a user does: in the checkout, by bash."""
    subprocess.run(["/bin/bash", "-ec", command], cwd=paths.WORK.parent, check=True, stdin=subprocess.DEVNULL)


class Sender:
    """A cluster whose one pod runs what it is given here, with a gst-launch-1.0 that copies what it reads."""

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

    def exec(self, _pod: str, _namespace: str, argv: tuple[str, ...], **_: object) -> str:
        path = f"{self.folder}:{os.environ['PATH']}"
        done = subprocess.run(argv, env={"PATH": path}, cwd="/", check=True, capture_output=True)
        self.received = done.stdout
        return ""


def flow_of(sender: Sender) -> Flow:
    cluster, pattern = cast("Kube", sender), BY_NAME["p1c1"]
    return Flow(cluster, pattern, files.of(cluster, pattern, lab()), Deadlines(1.0, 1.0))


@pytest.mark.parametrize("name", NAMES)
def test_a_video_is_sent_whatever_it_is_called(
    folder: Path, good: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (folder / name).write_bytes(good)
    monkeypatch.setattr(settings, "FOLDER_IN_POD", str(folder))
    assert video._to_send() == [folder / name]
    sender = Sender(tmp_path)
    video._send(video.Pipelines(flow_of(sender), {"pip": {}}), folder / name, 0.2)
    assert sender.received == good
    assert "\n" not in user_videos.shown(name)


@pytest.mark.parametrize("name", [*NAMES, "b\udce9.mp4"])
def test_a_cure_can_be_pasted_whatever_the_file_is_called_and_puts_its_output_where_it_is_needed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: bytes, name: str
) -> None:
    outside = tmp_path / f"outside {name}"
    outside.write_bytes(good)
    (folder / name).symlink_to(outside)
    (wrong,) = user_videos.find().wrong
    assert "\n" not in f"{wrong.name}{wrong.reason}{wrong.cure}"
    paste(wrong.cure)
    if "\udce9" in name:
        assert [path.name for path in folder.iterdir()] == ["b_.mp4"]
        return
    assert not (folder / name).is_symlink()
    (folder / name).write_bytes(good.replace(b"avc1", b"hvc1"))
    ffmpeg = tmp_path / "ffmpeg"
    ffmpeg.write_text('#!/bin/sh\n[ "$1 $3 $4 $#" = "-i -c:v libx264 5" ] && cp "$2" "$5"\n')
    ffmpeg.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (wrong,) = user_videos.find().wrong
    assert wrong.reason == "without H.264 (hvc1)"
    paste(wrong.cure)
    assert {path.name for path in folder.iterdir()} == {name, f"{name}.orig"}


def test_what_macos_puts_beside_a_video_is_passed_over(folder: Path, good: bytes) -> None:
    (folder / "road.mp4").write_bytes(good)
    (folder / "._road.mp4").write_bytes(b"\0\5\x16\7")
    found = user_videos.find()
    assert (found.files, found.wrong, found.foreign) == ((folder / "road.mp4",), (), ("._road.mp4",))


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
def test_a_link_that_the_pod_cannot_follow_is_one_line(folder: Path, good: bytes, target: str, reason: str) -> None:
    (paths.WORK / "other.mp4").write_bytes(good)
    (folder / "x.mp4").symlink_to(target)
    (wrong,) = user_videos.find().wrong
    assert (wrong.name, wrong.reason) == ("x.mp4", reason)
    with pytest.raises(Problem, match=rf"^work/DATA/video: x\.mp4: {reason}\n") as caught:
        video._to_send()
    assert caught.value.hint == wrong.cure
    paste(wrong.cure)
    assert not user_videos.find().wrong


def test_a_link_within_the_folder_is_sent_as_what_it_leads_to(folder: Path, good: bytes) -> None:
    (folder / "films").mkdir()
    (folder / "films/road").write_bytes(good)
    (folder / "road.mp4").symlink_to(folder / "films/road")
    assert user_videos.find().files == (folder / "road.mp4",)
    assert user_videos.place_in_pod(folder / "road.mp4") == "/opt/video/films/road"


@pytest.mark.parametrize("above", ["DATA", "DATA/video"])
def test_a_folder_elsewhere_is_one_line_with_the_command_that_brings_it_here(
    folder: Path, good: bytes, tmp_path: Path, above: str
) -> None:
    (folder / "road.mp4").write_bytes(good)
    (paths.WORK / above).rename(tmp_path / "else where")
    (paths.WORK / above).symlink_to(tmp_path / "else where")
    (wrong,) = user_videos.find().wrong
    assert (wrong.name, "which the nodes do not see" in wrong.reason) == (f"work/{above}", True)
    with pytest.raises(Problem, match=f"work/{above}: a link to "):
        user_videos.ensure_folder()
    paste(wrong.cure)
    assert user_videos.find().files == (folder / "road.mp4",)


def test_a_file_in_the_place_of_the_folder_is_one_line(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("")
    with pytest.raises(Problem, match=r"^work/DATA/video: no folder\n"):
        user_videos.ensure_folder()


def test_a_video_that_may_not_be_read_is_one_line(folder: Path, good: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "x.mp4").write_bytes(good)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    (wrong,) = user_videos.find().wrong
    assert (wrong.reason, wrong.cure) == ("cannot be read: Permission denied", "sudo chmod a+r work/DATA/video/x.mp4")


def test_without_videos_one_is_made(folder: Path) -> None:
    assert video._to_send() == [folder / "made/test.mp4"]
    assert user_videos.place_in_pod(folder / "made/test.mp4") == "/opt/video/made/test.mp4"
