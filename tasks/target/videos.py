"""How the user's videos come into the pod that sends them, and in which network that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tasks.engines.kube import pod_files
from tasks.settings import scenarios, video

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.engines.kube.pod_exec import Container


class Videos(Protocol):
    """The videos in the sender's pod."""

    @property
    def volume(self) -> Object:
        """The source of the volume that holds them."""

    @property
    def pod(self) -> Object:
        """What the sender's pod is like besides: its network."""

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations of the sender's pod."""

    @property
    def limits(self) -> dict[str, str]:
        """The devices that it asks the scheduler for."""

    def missing(self, cluster: Kube, sender: Container, files: Mapping[str, Path]) -> list[str]:
        """Return the paths in the pod at which a video is missing or another one.

        Args:
            cluster: The API.
            sender: The sender's container.
            files: The videos here by their paths in the pod.

        Raises:
            Problem: The pod cannot be asked.
        """

    def bring(self, cluster: Kube, sender: Container, files: Mapping[str, Path]) -> None:
        """Bring videos that are missing into the pod.

        Args:
            cluster: The API.
            sender: The sender's container.
            files: The videos here by their paths in the pod.

        Raises:
            Problem: One does not arrive.
        """


class OnNodes:
    """Nodes of kind see the folder work/DATA/video itself."""

    @property
    def volume(self) -> Object:
        """The source of the volume that holds them."""
        return {"hostPath": {"path": video.FOLDER_IN_NODE, "type": "DirectoryOrCreate"}}

    @property
    def pod(self) -> Object:
        """The node's own network, from which Services, load balancers and the cards of the node are reached."""
        return {"hostNetwork": True}

    @property
    def annotations(self) -> dict[str, str]:
        """Nothing."""
        return {}

    @property
    def limits(self) -> dict[str, str]:
        """Nothing."""
        return {}

    def missing(self, cluster: Kube, sender: Container, files: Mapping[str, Path]) -> list[str]:
        """Return nothing: what is here is there."""
        del cluster, sender, files
        return []

    def bring(self, cluster: Kube, sender: Container, files: Mapping[str, Path]) -> None:
        """Do nothing: what is here is there."""


@dataclass(frozen=True)
class InPod:
    """Nodes elsewhere see no folder of this machine: videos are copied into an ordinary pod, and are lost with it.

    Attributes:
        function: The resource of a virtual function by which the pod is in the second network; empty for none.
    """

    function: str = ""

    @property
    def volume(self) -> Object:
        """The source of the volume that holds them."""
        return {"emptyDir": {}}

    @property
    def pod(self) -> Object:
        """The network of pods, from which Services and load balancers are reached."""
        return {"automountServiceAccountToken": False}

    @property
    def annotations(self) -> dict[str, str]:
        """Its second network, from which functions with virtual functions are reached."""
        return {scenarios.NETWORKS: scenarios.SRIOV_NETWORK} if self.function else {}

    @property
    def limits(self) -> dict[str, str]:
        """The virtual function that it holds."""
        return {self.function: "1"} if self.function else {}

    def missing(self, cluster: Kube, sender: Container, files: Mapping[str, Path]) -> list[str]:
        """Return the paths in the pod at which a video is missing or another one."""
        return [place for place, file in files.items() if not pod_files.has(cluster, sender, file, place)]

    def bring(self, cluster: Kube, sender: Container, files: Mapping[str, Path]) -> None:
        """Copy videos that are missing into the pod."""
        for place, file in files.items():
            pod_files.copy_in(cluster, sender, file, place)
