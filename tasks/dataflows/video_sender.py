"""What sends videos to dataflows: a pod in the first worker's own network, with the videos of work/DATA/video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.controller import deployment
from tasks.engines.kube import access, manifests
from tasks.engines.media import user_videos
from tasks.images import archive_images
from tasks.settings import controller as source
from tasks.settings import parameters, video

if TYPE_CHECKING:
    from tasks.engines.kube.manifests import Object


def is_current() -> bool:
    """Tell whether the sender runs as it should."""
    return access.cluster().is_current([_deployment()])


def deploy() -> None:
    """Have the sender run.

    Raises:
        Problem: It does not come up within CONTROLLER_DEADLINE; carries what its pod complains about.
    """
    user_videos.ensure_folder()
    cluster = access.cluster()
    cluster.apply([_deployment()])
    deadline = parameters.current().controller_deadline
    cluster.wait_rollout(manifests.DEPLOYMENT, video.SENDER, video.SENDER_NAMESPACE, deadline=deadline)


def _deployment() -> Object:
    labels = {"app": video.SENDER}
    container = {
        "name": video.SENDER,
        "image": archive_images.reference(source.VIDEO_SENDER, parameters.current()),
        "imagePullPolicy": "IfNotPresent",
        "command": ["tail", "-f", "/dev/null"],
        "volumeMounts": [{"name": "videos", "mountPath": video.FOLDER_IN_POD}],
    }
    pod = {
        "nodeSelector": {"kubernetes.io/hostname": deployment.workers()[0]},
        # From the node's own network it reaches Services, load balancers and the cards that were lent to the node.
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
