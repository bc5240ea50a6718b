"""The host's GPU, shared: its driver stays loaded, and the first worker and its pods see the GPU through it.

Nothing of the host is changed. The worker has the driver's folders as read-only mounts, so the choice is made when the
cluster is created, and ends with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.docker import containers
from tasks.engines.host import nvidia
from tasks.gpu import handover
from tasks.gpu import ledger as gpu_ledger
from tasks.gpu.machine import Machine
from tasks.problems import Problem
from tasks.settings import cluster as clusters
from tasks.settings import gpu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tasks.engines.docker.containers import ContainerFacts
    from tasks.engines.host.facts import Host
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

_LIST = ("nvidia-smi", "--query-gpu=uuid,name,driver_version", "--format=csv,noheader")

# The host's own program, which the node runs; not every installation of the driver has it.
_MPS = "nvidia-cuda-mps-control"


def _existing(name: str) -> ContainerFacts | None:
    """Return a node, or None: without an engine there is none."""
    try:
        return containers.find(name)
    except Problem:
        return None


@dataclass(frozen=True)
class Choice:
    """How the first worker gets the GPU.

    Attributes:
        chosen: The parameters of the run.
        host: The machine that may have a GPU.
        find: Returns a node of the cluster, if it is there.
    """

    chosen: Parameters
    host: Host = field(default_factory=lambda: Machine().facts())
    find: Callable[[str], ContainerFacts | None] = _existing

    @property
    def is_share(self) -> bool:
        """Whether the host's driver stays, and the worker sees the GPU through it."""
        return self.chosen.gpu == "share" or (self.chosen.gpu == "auto" and self._is_share_better())

    @property
    def reason(self) -> str:
        """Why the GPU is shared or not, in a phrase."""
        if self.chosen.gpu != "auto":
            return f"GPU={self.chosen.gpu}"
        if self._is_kept():
            return f"the cluster was made {'for' if self.is_share else 'without'} it; RECREATE=1 chooses again"
        return nvidia.bond(self.host) or "the host does not use it"

    def mounts(self) -> dict[str, str]:
        """Return the host's folders that the worker sees, each with its place there; none if the GPU is not shared.

        A worker that is there keeps what it has.

        Raises:
            Problem: The GPU is to be shared, but the host's driver is not loaded or not found.
        """
        if not self.is_share:
            return {}
        worker = self._worker()
        if worker is not None and is_shared_with(worker):
            return {worker.mounts[place]: place for place in (gpu.SHARED_LIBRARIES, gpu.SHARED_PROGRAMS)}
        driver = nvidia.driver(self.host)
        return {driver.libraries: gpu.SHARED_LIBRARIES, driver.programs: gpu.SHARED_PROGRAMS}

    def _is_share_better(self) -> bool:
        if not self.host.devices(gpu.NVIDIA, gpu.DISPLAY):
            return False
        if self._is_kept():
            worker = self._worker()
            return worker is not None and is_shared_with(worker)
        return bool(nvidia.bond(self.host))

    def _is_kept(self) -> bool:
        """Return whether the cluster keeps its way: what the host does with the GPU changes from hour to hour."""
        return gpu_ledger.path(self.chosen.cluster_name).exists() or self._worker() is not None

    def _worker(self) -> ContainerFacts | None:
        """Return the first worker if it is kept."""
        return None if self.chosen.recreate else self.find(handover.node(self.chosen.cluster_name))


def is_shared_with(worker: ContainerFacts) -> bool:
    """Return whether a node sees the host's driver."""
    return gpu.SHARED_LIBRARIES in worker.mounts


def is_shared(choice: Choice) -> bool:
    """Return whether the first worker shares the GPU; one that is not there yet, whether it will."""
    worker = choice.find(handover.node(choice.chosen.cluster_name))
    return choice.is_share if worker is None else is_shared_with(worker)


def is_seen_by(node: str) -> bool:
    """Return whether a node sees the host's driver; `node` is its name."""
    worker = _existing(node) if node.endswith(f"-{gpu.NODE_SUFFIX}") else None
    return worker is not None and is_shared_with(worker)


def require_unshared(nodes: Callable[[str], Sequence[ContainerFacts]] = containers.labelled) -> None:
    """Stop if a cluster shares the GPU: its node would lose the driver.

    Args:
        nodes: Returns the containers with a label.

    Raises:
        Problem: A cluster does.
    """
    for worker in nodes(clusters.CLUSTER_LABEL):
        if is_shared_with(worker):
            other = worker.labels[clusters.CLUSTER_LABEL]
            again = f"CLUSTER_NAME={other} ./doit delete_cluster"
            raise Problem(f"the GPU is shared with cluster {other}, so it cannot be lent", hint=again)


def lack_of(cluster: str, machine: Machine) -> Lack:
    """Return whether the GPU has not been seen to work in the first worker since that was started.

    Args:
        cluster: Name of the cluster.
        machine: The engine with its node.

    Raises:
        Problem: No engine answers.
    """
    name = handover.node(cluster)
    worker = machine.container(name)
    if worker is None or not worker.running:
        return lacks.of(f"{name}: does not run")
    seen = machine.holds(name, gpu.SHARED_MARK, _mark(worker))
    return lacks.unless(seen, f"{name}: the GPU has not been looked at since the node was started")


def share(cluster: str, machine: Machine) -> None:
    """Have the first worker describe the host's GPU to its pods, start MPS there, and see that the GPU answers.

    Args:
        cluster: Name of the cluster.
        machine: The engine with its node.

    Raises:
        Problem: The node does not run, was made without the host's driver, or does not see the GPU.
    """
    name = handover.node(cluster)
    worker = machine.container(name)
    if worker is None or not worker.running:
        raise Problem(f"{name}: the node does not run", hint="./doit create_cluster")
    if not is_shared_with(worker):
        raise Problem(
            f"{name}: was made without the host's NVIDIA driver (GPU=share)", hint="RECREATE=1 ./doit create_cluster"
        )
    machine.require_here(worker)
    _refuse_a_lent_gpu()
    progress.step(f"describing the host's GPU in {name}")
    run = partial(machine.run_in, name)
    run(["systemctl", "restart", gpu.SHARED_SERVICE], check=False)
    _require_active(name, gpu.SHARED_SERVICE, run)
    found = [row for row in run(_LIST).splitlines() if row.startswith("GPU-")]
    if not found:
        raise Problem(f"{name}: nvidia-smi lists no GPU", hint=f"docker exec {name} nvidia-smi")
    progress.line(f"GPU of the host, shared with {name}: {'; '.join(found)}")
    _start_mps(name, run)
    machine.keep(name, gpu.SHARED_MARK, _mark(worker))


def _start_mps(name: str, run: Callable[..., str]) -> None:
    if not run(["sh", "-c", f"command -v {_MPS}"], check=False).strip():
        progress.line(f"{name}: without MPS, because the host's driver has no {_MPS}")
        return
    run(["systemctl", "start", gpu.MPS_SERVICE], check=False)
    _require_active(name, gpu.MPS_SERVICE, run)


def _require_active(name: str, unit: str, run: Callable[..., str]) -> None:
    """Stop if a unit of a node is not active, with the last that it said.

    Raises:
        Problem: It is not.
    """
    if run(["systemctl", "is-active", unit], check=False).strip() == "active":
        return
    # What systemd says about a unit has another mark.
    asked = f"_SYSTEMD_UNIT={unit}"
    lines = run(["journalctl", "--no-pager", "--output=cat", "--lines=10", asked], check=False).strip().splitlines()
    said = list(dict.fromkeys(lines))
    raise Problem(
        f"{name}: {unit} is not active{f': {said[-1]}' if said else ''}",
        details="\n".join(said[:-1]),
        hint=f"docker exec {name} systemctl status {unit}",
    )


def _refuse_a_lent_gpu() -> None:
    for ledger in gpu_ledger.others(""):
        again = f"CLUSTER_NAME={ledger.cluster} ./doit gpu_return"
        raise Problem(f"the GPU is lent to cluster {ledger.cluster}, so the host has no driver to share", hint=again)


def _mark(worker: ContainerFacts) -> bytes:
    return f"{worker.id} {worker.started}\n".encode()
