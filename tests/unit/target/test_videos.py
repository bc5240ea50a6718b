"""tasks.target.videos: how videos come into the pod that sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tasks.engines.kube.api import Kube
from tasks.engines.kube.pod_exec import Container
from tasks.target.videos import InPod, OnNodes
from tests.exec_server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.exec_server import ExecServer

SENDER = Container("sender", "test", "send-video-tool")


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[tuple[ExecServer, Kube]]:
    with serving(tmp_path) as (server, kubeconfig):
        yield server, Kube(kubeconfig)


def test_what_nodes_see_is_never_copied() -> None:
    nobody = cast("Kube", None)
    assert OnNodes().missing(nobody, SENDER, {}) == []
    OnNodes().bring(nobody, SENDER, {})
    assert OnNodes().pod == {"hostNetwork": True}


def test_a_video_is_copied_into_the_pod_and_again_if_it_changed_or_the_pod_lost_it(
    pod: tuple[ExecServer, Kube], tmp_path: Path
) -> None:
    _, cluster = pod
    here, there = tmp_path / "video.mp4", tmp_path / "pod" / "made" / "video.mp4"
    here.write_bytes(b"first")
    files = {str(there): here}
    assert InPod().missing(cluster, SENDER, files) == [str(there)]
    InPod().bring(cluster, SENDER, files)
    assert InPod().missing(cluster, SENDER, files) == []
    here.write_bytes(b"second")
    assert InPod().missing(cluster, SENDER, files) == [str(there)]
    InPod().bring(cluster, SENDER, files)
    assert there.read_bytes() == b"second"
    there.unlink()
    assert InPod().missing(cluster, SENDER, files) == [str(there)]
