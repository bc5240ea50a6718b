"""The tests' own lab: a copy of the checkout, with a cluster name, image tags and a kubeconfig of its own."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tasks.dataflows import by_hand
from tasks.engines.docker import containers
from tasks.engines.go import modules
from tasks.engines.kube import manifests
from tasks.engines.kube.api import Kube
from tasks.engines.programs import waiting
from tasks.engines.programs.shell import Command
from tasks.settings import artifacts, cluster, parameters, paths
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters
    from tests.conftest import Checkout

NAME = "tier"
# Another subnet than a user's own lab on this machine may have for its cards.
SECOND_NETWORK = {
    "NV_IPAM_SUBNET": "192.168.21.0/24",
    "NV_IPAM_GATEWAY": "192.168.21.1",
    "NV_IPAM_EXCLUDE_START_1": "192.168.21.0",
    "NV_IPAM_EXCLUDE_END_1": "192.168.21.9",
    "NV_IPAM_EXCLUDE_START_2": "192.168.21.51",
    "NV_IPAM_EXCLUDE_END_2": "192.168.21.255",
    "SRIOV_PF_IPADDR_1": "192.168.21.2/24",
    "SRIOV_PF_IPADDR_2": "192.168.21.3/24",
}
NAMESPACE = "cpufunc-calcapp"
BASIC = "dataflow:calcapp-basic"
DELETE = f"delete_{BASIC}"
ANSWERS = {
    "plus": "15.0",
    "minus": "-13.0",
    "multiply": "120.0",
    "divide": "0.008333333333333333",
    "average": "30.502083333333335",
}

_RUN_SECONDS = 900
_STARTED = re.compile(r"^(\S+) \.\.\.$", re.MULTILINE)
_ROW = re.compile(
    r"^(?P<function>\w+) +(?P<node>\S+) +(?P<address>[\d.]+)(?: +(?P<reached>(?:\d+\.){3}\d+(?::\d+)?))?"
    r"(?: +(?P<value>\S+) +(?P<verdict>ok|WRONG))?$"
)


@dataclass(frozen=True)
class Kill:
    """Where a run is killed.

    Attributes:
        task: The task that must have started, by the beginning of its name; several beginnings stand for any one of
            them; empty for the start of the run.
        after: Seconds from then on.
        group: Whether the programs that the run started die with it.
    """

    task: str | tuple[str, ...]
    after: float
    group: bool


class Lab:
    """Runs `./doit` in its checkout and looks at the results."""

    def __init__(self, checkout: Checkout, user_kubeconfig: Path) -> None:
        self.checkout = checkout
        self.user_kubeconfig = user_kubeconfig
        self.env = {"CLUSTER_NAME": NAME, "IMG_TAG": NAME, "KUBECONFIG": str(user_kubeconfig), **SECOND_NETWORK}

    # Runs

    def run(self, *words: str, **env: str) -> str:
        """Run `./doit`, which must succeed; return its output."""
        code, output = self._doit(words, env)
        assert code == 0, output
        return output

    def fail(self, *words: str, **env: str) -> str:
        """Run `./doit`, which must fail without a traceback; return its output."""
        code, output = self._doit(words, env)
        assert code == 1, output
        assert "Traceback" not in output
        return output

    def refuse(self, *words: str, **env: str) -> str:
        """Run `./doit`, which must refuse bad input; return its output."""
        code, output = self._doit(words, env)
        assert code == 3, output
        return output

    def kill(self, kill: Kill, *words: str, **env: str) -> None:
        """Run `./doit` and end it with SIGKILL, which must come before its own end."""
        process = self._start(*words, **env)
        with _killed(process, group=kill.group):
            seen = _until_started(process, kill.task)
            still_runs = _outlasts(process, kill.after)
        assert still_runs, f"{kill}: the run had ended before\n{seen}"

    def killed_or_done(self, kill: Kill, *words: str) -> bool:
        """Run `./doit` and end it with SIGKILL unless it has succeeded before; return whether it was killed."""
        process = self._start(*words)
        with _killed(process, group=kill.group):
            still_runs = _outlasts(process, kill.after)
            said = "" if still_runs else (process.stdout or io.StringIO()).read()
            code = process.returncode
        assert still_runs or code == 0, f"{kill}: the run had failed before\n{said}"
        return still_runs

    def kill_when(self, condition: Callable[[], bool], *words: str) -> None:
        """Run `./doit` and, once a condition is met, end it, but not its children, with SIGKILL."""
        process = self._start(*words)
        with _killed(process, group=False):
            waiting.until(f"{words}: to be killed", condition, bool, deadline=_RUN_SECONDS)

    def _start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.checkout.root / "doit", *words],
            env={**os.environ, **self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _doit(self, words: tuple[str, ...], env: Mapping[str, str]) -> tuple[int, str]:
        done = self.checkout.doit(*words, env={**self.env, **env}, timeout=_RUN_SECONDS)
        return done.returncode, done.stdout + done.stderr

    # The world

    @property
    def api(self) -> Kube:
        """The cluster, reached with the credentials in the user's own kubeconfig."""
        return Kube(self.user_kubeconfig)

    @cached_property
    def node_names(self) -> list[str]:
        """The expected names of the nodes and their containers."""
        return cluster.node_names(NAME)

    def node_ids(self) -> dict[str, str]:
        """Return the id of each container of the cluster, by name."""
        return {node.name: node.id for node in containers.labelled(f"{cluster.CLUSTER_LABEL}={NAME}")}

    def pod_uids(self) -> dict[str, str]:
        """Return the UID of each pod of the dataflow, by name."""
        return {manifests.name_of(pod): pod["metadata"]["uid"] for pod in self.api.list(manifests.POD, NAMESPACE)}

    def kubectl(self, *words: str) -> Any:
        """Run kubectl as the user would, and return its JSON."""
        return json.loads(self.kubectl_says(*words, "-o", "json"))

    def kubectl_says(self, *words: str) -> str:
        """Run kubectl as the user would, in the checkout, and return what it prints."""
        return Command([_kubectl(), *words], self.env, cwd=self.checkout.root).run().stdout

    def by_hand(self, line: str, folder: Path) -> None:
        """Run a command of kubectl that a run has named, in a folder."""
        words = shlex.split(line.strip().removeprefix(f"{by_hand.KUBECTL} "))
        Command([_kubectl(), *words], self.env, cwd=folder).run()


def chosen() -> Parameters:
    """Return the parameters of the lab."""
    return parameters.validated(layers.read(paths.ROOT, {"PROFILE": "lab", "CLUSTER_NAME": NAME, **SECOND_NETWORK}))


def _kubectl() -> Path:
    return modules.program(artifacts.KUBERNETES, "kubectl", parameters.current())


def commands(output: str) -> list[str]:
    """Return the commands of kubectl that a run named."""
    return [line for line in output.splitlines() if line.startswith(f"  {by_hand.KUBECTL} ")]


def function_pod(function: str) -> str:
    """Return the name of a function's pod."""
    return f"df-calcapp-wbfunction-{function}-cpu-pod"


def started(output: str) -> list[str]:
    """Return the tasks that ran."""
    return _STARTED.findall(output)


def rows(output: str) -> dict[str, dict[str, str]]:
    """Return the printed table of a verified dataflow, by function."""
    found = [match.groupdict() for line in output.splitlines() if (match := _ROW.match(line))]
    return {row["function"]: row for row in found}


def answers(output: str) -> dict[str, str]:
    """Return the values that are ok in a printed table."""
    return {function: row["value"] for function, row in rows(output).items() if row["verdict"] == "ok"}


@contextmanager
def _killed(process: subprocess.Popen[str], *, group: bool) -> Iterator[None]:
    """Kill a process at the end, whether the block succeeds or not."""
    watchdog = threading.Timer(_RUN_SECONDS, process.kill)
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        if group:
            # The group has ended, so no process is left to kill.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.communicate(timeout=60)


def _until_started(process: subprocess.Popen[str], task: str | tuple[str, ...]) -> str:
    """Return a run's output up to the start of a task."""
    seen = ""
    if task:
        for line in process.stdout or ():
            seen += line
            if line.startswith(task) and line.endswith(" ...\n"):
                break
    return seen


def _outlasts(process: subprocess.Popen[str], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return True
    return False
