"""tasks.dataflows.video_sender: the pod that sends videos, which a broken video does not stop."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tasks.archive import source
from tasks.dataflows import video_sender
from tasks.engines.media.user_videos import Folder
from tasks.settings import parameters
from tasks.target.videos import InPod
from tests.targets import Given

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tests.unit.conftest import Lines


@pytest.mark.usefixtures("tree")
def test_the_sender_sees_the_users_videos_and_the_network_of_the_first_worker() -> None:
    source.prepare()
    deployment = video_sender._deployment(Given(cast("Kube", None), ("one",)), parameters.current())
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


@pytest.mark.usefixtures("tree")
def test_a_sender_whose_node_sees_no_folder_of_this_machine_is_an_ordinary_pod() -> None:
    source.prepare()
    there = Given(cast("Kube", None), ("one",), videos=InPod())
    pod = video_sender._deployment(there, parameters.current())["spec"]["template"]["spec"]
    assert "hostNetwork" not in pod
    assert pod["automountServiceAccountToken"] is False
    assert pod["volumes"] == [{"name": "videos", "emptyDir": {}}]


@pytest.mark.usefixtures("tree")
def test_a_sender_in_the_second_network_holds_one_virtual_function() -> None:
    source.prepare()
    there = Given(cast("Kube", None), ("one",), videos=InPod("openshift.io/cards"))
    template = video_sender._deployment(there, parameters.current())["spec"]["template"]
    assert template["metadata"]["annotations"] == {"k8s.v1.cni.cncf.io/networks": "sriov-ipam-config"}
    assert template["spec"]["containers"][0]["resources"] == {"limits": {"openshift.io/cards": "1"}}


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
