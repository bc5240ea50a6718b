"""kind as it is released, without a fork or patch. Whatever else a cluster needs is done in later steps."""

from __future__ import annotations

import os
import shlex
import shutil
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from tasks import progress
from tasks.engines.docker import client
from tasks.engines.go import modules
from tasks.engines.go.settings import GoSettings
from tasks.engines.kube import kubeconfigs
from tasks.engines.programs import proxies, shell
from tasks.problems import Problem
from tasks.settings import artifacts, cluster, paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Variables that would make kind use another engine or network than this tool.
_NEUTRAL = {"KIND_EXPERIMENTAL_PROVIDER": "", "KIND_EXPERIMENTAL_DOCKER_NETWORK": ""}
_ERROR_LINES = 30
# The error of kind if nodes exist before it starts, and of the engine if one appears while kind works.
_TAKEN = ("already exist for a cluster with the name", "is already in use by container")


class KindSettings(GoSettings, Protocol):
    """The parameters that decide how kind is built and how its nodes are set up."""

    @property
    def dci_registry_addr_alt(self) -> str:
        """The registry from which the cluster pulls: `host[:port]/path`."""


class NodesExist(Problem):
    """Nodes of that name exist, or have appeared while the cluster was being created."""


@dataclass(frozen=True)
class NodeFacts:
    """A node's container, as the engine lists it.

    Attributes:
        name: Name of the node and of its container.
        running: Whether its container runs.
        image_id: Content address of its image.
        api_port: The host's loopback port of the API server; 0 for a worker or a stopped node.
        paused: Whether its container is frozen (`docker pause`).
        mounts: The host's folders that are mounted into it, by their path in the container.
        cluster: Name of the cluster in kind's label; empty for a container that kind did not create.
    """

    name: str
    running: bool
    image_id: str
    api_port: int
    paused: bool = False
    mounts: Mapping[str, str] = field(default_factory=dict)
    cluster: str = ""


def nodes(name: str) -> list[NodeFacts]:
    """Return the existing nodes of a cluster, which may be incomplete."""
    return _listed({"label": f"{cluster.CLUSTER_LABEL}={name}"})


def squatters(name: str) -> list[NodeFacts]:
    """Return the containers that have the name of a node of the cluster but do not belong to it."""
    named = _listed({"name": [f"^/{node}$" for node in cluster.node_names(name)]})
    return [container for container in named if container.cluster != name]


def clusters() -> dict[str, str]:
    """Return all clusters of this tool on the engine, including those of other checkouts.

    Returns:
        The host's folder that the nodes see as the controller's source, by the cluster's name.
    """
    listed = _listed({"label": cluster.CLUSTER_LABEL})
    return {node.cluster: node.mounts[cluster.CONTROLLER] for node in listed if cluster.CONTROLLER in node.mounts}


def _listed(filters: Mapping[str, Any]) -> list[NodeFacts]:
    """Return the containers, running or not, that match the engine's filters, sorted by name."""
    listed = client.client().api.containers(all=True, filters=filters)
    return sorted(map(_facts, listed), key=lambda node: node.name)


def _facts(entry: Mapping[str, Any]) -> NodeFacts:
    return NodeFacts(
        name=entry["Names"][0].lstrip("/"),
        running=entry["State"] == "running",
        image_id=entry["ImageID"],
        api_port=next((p["PublicPort"] for p in entry["Ports"] if p["PrivatePort"] == cluster.API_PORT), 0),
        paused=entry["State"] == "paused",
        mounts={mount["Destination"]: mount["Source"] for mount in entry["Mounts"] if mount["Type"] == "bind"},
        cluster=(entry["Labels"] or {}).get(cluster.CLUSTER_LABEL, ""),
    )


def create(name: str, config: Path, settings: KindSettings) -> None:
    """Create a cluster, and write its access to the user's own kubeconfig.

    Args:
        name: Name of the cluster.
        config: kind's config file.
        settings: How kind is built, and the registry that the nodes reach without a proxy.

    Raises:
        NodesExist: Nodes of that name exist.
        Problem: kind failed for another reason. The nodes are kept, and the message names the archive of their logs.
    """
    completed = _run(settings, "create", "cluster", "--name", name, "--config", config, "--retain", check=False)
    if any(words in completed.stderr for words in _TAKEN):
        raise NodesExist(f"cluster {name}: something else makes nodes of it", details=completed.stderr.strip())
    if completed.returncode != 0:
        archive = _pack_logs(name, settings)
        lines = completed.stderr.strip().splitlines()
        raise Problem(
            f"cluster {name}: kind could not create it; the nodes' logs are in {archive}",
            details="\n".join(lines[-_ERROR_LINES:]),
            hint=f"tar -tzf {shlex.quote(str(archive))}; then run the same command again: it starts this cluster over",
        )


def delete(name: str, settings: KindSettings, *, kubeconfig: Path | None = None) -> None:
    """Remove a cluster's nodes and its entries in kubeconfigs; files that do not name it are not opened.

    Args:
        name: Name of the cluster.
        settings: How kind is built.
        kubeconfig: The only file that the entry is removed from; if none is given, the user's own kubeconfigs.

    Raises:
        Problem: A kubeconfig of the user that names the cluster cannot be written; nothing has been removed.
    """
    if kubeconfig is None:
        kubeconfigs.require_removable(name)
    named = [kubeconfig] if kubeconfig else kubeconfigs.naming(name) or [paths.cluster_dir(name) / "no-kubeconfig"]
    env = {"KUBECONFIG": os.pathsep.join(map(str, named))}
    _run(settings, "delete", "cluster", "--name", name, env=env)


def kubeconfig(name: str, settings: KindSettings) -> str:
    """Return the kubeconfig of a cluster, as the host uses it."""
    return _run(settings, "get", "kubeconfig", "--name", name, live=False).stdout


def export_kubeconfig(name: str, settings: KindSettings) -> None:
    """Write a cluster's access to the user's own kubeconfig, from which it is missing."""
    _run(settings, "export", "kubeconfig", "--name", name)


def has_program(settings: KindSettings) -> bool:
    """Return whether kind is compiled."""
    return modules.is_built(artifacts.KIND, settings)


def ensure_program(settings: KindSettings) -> Path:
    """Compile kind unless that is done, and return the program.

    Raises:
        Problem: It does not compile, or a module cannot be fetched.
    """
    return modules.program(artifacts.KIND, "kind", settings)


def _run(
    settings: KindSettings,
    *words: str | Path,
    check: bool = True,
    live: bool = True,
    env: Mapping[str, str] | None = None,
) -> shell.Completed:
    """Run kind; report its output as progress, unless it contains keys."""
    program = ensure_program(settings)
    own = _no_proxy(settings.dci_registry_addr_alt, client.proxies_of_containers())
    given = {**client.environment(), **_NEUTRAL, **own, **(env or {})}
    return shell.run([*_bound_to_this_process(), program, *words], env=given, live=live, check=check)


def _no_proxy(registry: str, told: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Return the variables that keep the nodes from reaching the registry through the machine's proxy.

    kind passes the machine's proxies on to the nodes, and adds the cluster's own names and networks to the exceptions.
    But it knows only the proxies of the environment, not those that the docker command sets in every container.

    Args:
        registry: `host[:port]/path`.
        told: The proxies of the docker command, by variable name.
    """
    host = registry.partition("/")[0].partition(":")[0]
    return proxies.excepting(host, told)


def _bound_to_this_process() -> Sequence[str]:
    """Return a command prefix that ends kind when this run is killed.

    Otherwise, kind would go on creating nodes while the next run works.
    """
    return ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()


def _pack_logs(name: str, settings: KindSettings) -> Path:
    """Pack all logs of a cluster into one archive in its folder."""
    folder = paths.cluster_dir(name)
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "create-logs.tar.gz"
    progress.step("gathering the nodes' logs")
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        (Path(scratch) / "logs").mkdir()  # kind creates none if no node is left
        _run(settings, "export", "logs", Path(scratch) / "logs", "--name", name, check=False)
        packed = Path(scratch) / archive.name
        with tarfile.open(packed, "w:gz") as tar:
            tar.add(Path(scratch) / "logs", arcname=f"{name}-create-logs")
        packed.replace(archive)
    return archive
