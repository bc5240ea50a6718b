"""tasks.dataflows.video_sender: the pod that sends videos, as the scenario manual uses it."""

from __future__ import annotations

import pytest

from tasks.archive import source
from tasks.dataflows import video_sender
from tasks.settings import parameters


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
