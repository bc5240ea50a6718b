"""How long tasks take that have not run on a machine yet: measured from nothing, with two cores and a fast network."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """What a task costs.

    Attributes:
        busy: Seconds that processors work on it, all of them together.
        least: Seconds that it takes with any number of processors.
    """

    busy: float = 0.0
    least: float = 0.0

    def seconds(self, cores: int) -> float:
        """Return how long it takes with a number of processors, if nothing else runs."""
        return max(self.busy / cores, self.least)


# By the name of a task, or of its group for all others of that group.
WORK = {
    "_source": Work(8, 8),
    "_source:kubernetes": Work(20, 15),
    "_program": Work(2, 1),
    "_program:cni-plugins": Work(16, 8),
    "_program:containerd": Work(110, 20),
    "_program:coredns": Work(110, 20),
    "_program:cri-o": Work(200, 40),
    "_program:crictl": Work(100, 20),
    "_program:etcd": Work(65, 15),
    "_program:kubernetes": Work(500, 60),
    "_program:nvidia-container-toolkit": Work(40, 15),
    "_program:registry": Work(65, 15),
    "_kind_program": Work(20, 8),
    "image:base": Work(30, 25),
    "image:kind-ubuntu": Work(9, 8),
    "image:kind-control-plane": Work(14, 12),
    "image:kind-ubuntu-node-crio": Work(25, 20),
    "image:dci-kind-node-with-acc": Work(150, 120),
    "image": Work(4, 4),
    "controller_image": Work(2, 2),
    "function_image": Work(10, 10),
    "addon_image": Work(120, 30),
    "_kind": Work(30, 35),
    "_ready": Work(4, 5),
    "addon": Work(4, 5),
    "node": Work(2, 2),
    "controller": Work(8, 9),
    "send_video_tool": Work(4, 4),
    "dataflow": Work(10, 15),
}
# What is known of no row takes about so long.
OTHER = Work(0.5, 0.5)


def work(task: str) -> Work:
    """Return what a task costs.

    Args:
        task: Its name, such as `image:kind-ubuntu`.
    """
    return WORK.get(task) or WORK.get(task.partition(":")[0], OTHER)
