"""The container of a pod in which a function itself runs: scripts in it, and the processes of a program there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.kube.pod_exec import Container

if TYPE_CHECKING:
    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object

APP = "cpu-container0"
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
    return cluster.exec(Container.of(pod, APP), ["bash", "-c", script, *words])
