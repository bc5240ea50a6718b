"""tasks.dataflows.video_sender: the pod that sends videos, which a broken video does not stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tasks.archive import source
from tasks.dataflows import video_sender
from tasks.engines.media.user_videos import Folder
from tasks.settings import parameters

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Lines


@pytest.mark.usefixtures("tree")
def test_the_sender_sees_the_users_videos_and_the_network_of_the_first_worker() -> None:
    source.prepare()
    deployment = video_sender._deployment("one", parameters.current())
    assert (deployment["metadata"]["namespace"], deployment["metadata"]["name"]) == ("test", "send-video-tool")
    pod = deployment["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kubernetes.io/hostname": "one"}
    assert pod["hostNetwork"] is True
    (container,) = pod["containers"]
    assert "/send_video_tool:" in container["image"]
    assert container["command"] == ["tail", "-f", "/dev/null"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert [(mounts[each["name"]], each["hostPath"]["path"]) for each in pod["volumes"]] == [
        ("/opt/video", "/root/work/DATA/video")
    ]


def test_a_broken_video_is_named_with_its_cure(tmp_path: Path, said: Lines) -> None:
    folder = Folder(tmp_path)
    folder.ensure()
    video_sender.name_unsendable(folder)
    assert said.kept == []
    (folder.path / "broken.mp4").write_bytes(b"<html>")
    video_sender.name_unsendable(folder)
    (line,) = said.kept
    assert line.startswith("broken.mp4 cannot be sent: ")
    assert ". Cure: " in line
