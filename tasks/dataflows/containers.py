"""The container of a pod in which a function itself runs: scripts in it, its files, and the processes of a program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.engines.kube import manifests
from tasks.engines.kube.pod_exec import Container

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object


@dataclass(frozen=True)
class Device:
    """What functions compute on, and how the controller names their pods and containers.

    Attributes:
        app: Name of the container in which the function itself runs.
        pod: What the pod's name adds to the function's, as an expression.
    """

    app: str
    pod: str


CPU = Device("cpu-container0", "cpu-pod")
# The name of a pod on a GPU contains the GPU's UUID.
GPU = Device("gpu-container0", "mps-dgpu-.+-pod")
_DEVICES = (CPU, GPU)
# Defines `ids`, which prints the ids of a program's processes.
IDS = """
ids() {
  for process in /proc/[0-9]*; do
    program=
    IFS= read -r -d '' program < "$process/cmdline"
    [[ ${program##*/} == "${1##*/}" ]] && echo "${process#/proc/}"
  done 2>/dev/null
  true
}
"""
_CONTENT = '[[ ! -e $0 ]] || cat "$0"'


def is_pod_of(pod: str, function: str) -> bool:
    """Return whether a pod is a function's, by their names: other functions' names may begin like this one's."""
    return any(re.fullmatch(f"{re.escape(function)}-{device.pod}", pod) for device in _DEVICES)


def device(pod: Object) -> Device:
    """Return what the function in a pod computes on."""
    return GPU if re.search(rf"-{GPU.pod}$", manifests.name_of(pod)) else CPU


def app(pod: Object) -> Container:
    """Return the container in which the function of a pod runs."""
    return Container.of(pod, device(pod).app)


def processes(cluster: Kube, pod: Object, program: str) -> list[str]:
    """Return the ids of a program's processes.

    Args:
        cluster: The API.
        pod: The function's pod.
        program: Name of the program, with or without its folder.

    Raises:
        Problem: The container does not run the script.
    """
    return run(cluster, pod, f'{IDS}ids "$0"', program).split()


def content(cluster: Kube, pod: Object, path: str) -> str:
    """Return the text of a file, without blanks around it; an empty string if it is not there.

    Args:
        cluster: The API.
        pod: The function's pod.
        path: The file.

    Raises:
        Problem: It cannot be read.
    """
    return run(cluster, pod, _CONTENT, path).strip()


def run(cluster: Kube, pod: Object, script: str, *words: str) -> str:
    """Run a script of bash, and return its output.

    Args:
        cluster: The API.
        pod: The function's pod.
        script: The script.
        words: Its arguments, beginning with $0.

    Raises:
        Problem: It fails; the details are its own words.
    """
    return cluster.exec(app(pod), ["bash", "-c", script, *words])
