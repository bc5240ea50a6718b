"""The pod that sends videos to dataflows, on the first worker. It sees work/DATA/video, or gets copies of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.kube import manifests
from tasks.engines.kube.pod_exec import Container
from tasks.engines.media import user_videos
from tasks.images import function_images
from tasks.problems import Problem
from tasks.settings import controller as source
from tasks.settings import parameters, video
from tasks.target import choice

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.engines.media.user_videos import Folder
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters
    from tasks.target.interface import Target


def lack() -> Lack:
    """Return what keeps the sender from running as it should."""
    chosen = parameters.current()
    there = choice.of(chosen)
    lack_of_pod = there.api.lack([_deployment(there, chosen)])
    return lack_of_pod or lacks.of(*(f"{place}: not as it is here" for place in _missing(there)))


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
    there.api.apply([_deployment(there, chosen)])
    there.api.wait_rollout(
        manifests.DEPLOYMENT, video.SENDER, video.SENDER_NAMESPACE, deadline=chosen.controller_deadline
    )
    there.videos.bring(there.api, container(there.api), _files(videos))


def container(cluster: Kube) -> Container:
    """Return the sender's container.

    Args:
        cluster: The API.

    Raises:
        Problem: No sender is running.
    """
    senders = cluster.list(manifests.POD, video.SENDER_NAMESPACE, f"app={video.SENDER}")
    alive = [pod for pod in senders if "deletionTimestamp" not in pod["metadata"]]
    if not alive:
        raise Problem(f"{video.SENDER}: has no pod", hint="./doit send_video_tool")
    return Container(manifests.name_of(alive[0]), video.SENDER_NAMESPACE, video.SENDER)


def _missing(there: Target) -> list[str]:
    return there.videos.missing(there.api, container(there.api), _files(user_videos.here()))


def _files(videos: Folder) -> dict[str, Path]:
    """Return the videos that can be sent by their paths in the pod."""
    made = [videos.made] if videos.made.is_file() else []
    return {videos.place_in_pod(path): path for path in (*videos.find().files, *made)}


def name_unsendable(videos: Folder) -> None:
    """Say which of the user's videos cannot be sent, each with its cure: dataflows stop for them, the sender runs.

    Args:
        videos: The folder of the user's videos.
    """
    for wrong in videos.find().wrong:
        progress.line(f"{wrong.name} cannot be sent: {wrong.reason}. Cure: {wrong.cure}")


def _deployment(there: Target, chosen: Parameters) -> Object:
    labels = {"app": video.SENDER}
    container: Object = {
        "name": video.SENDER,
        "image": function_images.reference(source.VIDEO_SENDER, chosen),
        "imagePullPolicy": "IfNotPresent",
        "command": ["tail", "-f", "/dev/null"],
        "volumeMounts": [{"name": "videos", "mountPath": video.FOLDER_IN_POD}],
    }
    if there.videos.limits:
        container["resources"] = {"limits": there.videos.limits}
    # Without annotations, the template is as it always was: another one would make the pod anew.
    noted = {"annotations": there.videos.annotations} if there.videos.annotations else {}
    pod = {
        "nodeSelector": {"kubernetes.io/hostname": there.workers[0]},
        **there.videos.pod,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": [{"name": "videos", **there.videos.volume}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": video.SENDER, "namespace": video.SENDER_NAMESPACE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": labels, **noted}, "spec": pod},
        },
    }
