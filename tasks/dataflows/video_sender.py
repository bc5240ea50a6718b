"""The pod that sends videos to dataflows. It is in the first worker's own network and sees work/DATA/video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.kube import manifests
from tasks.engines.media import user_videos
from tasks.images import function_images
from tasks.settings import controller as source
from tasks.settings import parameters, video
from tasks.target import choice

if TYPE_CHECKING:
    from tasks.engines.kube.manifests import Object
    from tasks.engines.media.user_videos import Folder
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters


def lack() -> Lack:
    """Return what keeps the sender from running as it should."""
    chosen = parameters.current()
    there = choice.of(chosen)
    return there.api.lack([_deployment(there.workers[0], chosen)])


def deploy() -> None:
    """Start the sender, and wait until it runs; videos that cannot be sent are only named.

    Raises:
        Problem: It does not come up within CONTROLLER_DEADLINE; the details say what its pod complains about.
    """
    chosen = parameters.current()
    videos = user_videos.here()
    videos.ensure()
    name_unsendable(videos)
    there = choice.of(chosen)
    there.api.apply([_deployment(there.workers[0], chosen)])
    there.api.wait_rollout(
        manifests.DEPLOYMENT, video.SENDER, video.SENDER_NAMESPACE, deadline=chosen.controller_deadline
    )


def name_unsendable(videos: Folder) -> None:
    """Say which of the user's videos cannot be sent, each with its cure: dataflows stop for them, the sender runs.

    Args:
        videos: The folder of the user's videos.
    """
    for wrong in videos.find().wrong:
        progress.line(f"{wrong.name} cannot be sent: {wrong.reason}. Cure: {wrong.cure}")


def _deployment(node: str, chosen: Parameters) -> Object:
    labels = {"app": video.SENDER}
    container = {
        "name": video.SENDER,
        "image": function_images.reference(source.VIDEO_SENDER, chosen),
        "imagePullPolicy": "IfNotPresent",
        "command": ["tail", "-f", "/dev/null"],
        "volumeMounts": [{"name": "videos", "mountPath": video.FOLDER_IN_POD}],
    }
    pod = {
        "nodeSelector": {"kubernetes.io/hostname": node},
        # From the node's own network it reaches Services, load balancers and the cards that are lent to the node.
        "hostNetwork": True,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [
            {"name": "videos", "hostPath": {"path": video.FOLDER_IN_NODE, "type": "DirectoryOrCreate"}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": video.SENDER, "namespace": video.SENDER_NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }
