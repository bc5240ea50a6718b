"""On which Docker engine a cluster is: another one that answers, or none at all, does not mean that it is gone."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.docker import client
from tasks.engines.files import atomic
from tasks.gpu import ledger
from tasks.nics import ledger as nics_ledger
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.engines.kube.kind import NodeFacts
    from tasks.settings.parameters.model import Parameters

_RECORD = "engine"


def remember(name: str) -> None:
    """Keep on which engine a cluster is made.

    Args:
        name: Name of the cluster.
    """
    atomic.write(paths.cluster_dir(name) / _RECORD, f"{_plain(client.socket())}\n")


def made_elsewhere() -> set[str]:
    """Return the names of this checkout's clusters that were made on another engine than the one in use."""
    known = {folder.name.removeprefix("cluster-") for folder in paths.BUILD.glob("cluster-*")}
    return {name for name in known if _recorded(name) not in {"", _plain(client.socket())}}


def objection(name: str, nodes: list[NodeFacts]) -> Problem | None:
    """Return why this run must leave a cluster alone that was made on another engine than the one in use, or None.

    The engine in use knows nothing of it, and would take its name for free.

    Args:
        name: Name of the cluster.
        nodes: Its nodes on the engine in use.

    Raises:
        Problem: No engine answers.
    """
    made_on = _recorded(name)
    if not made_on or made_on == _plain(client.socket()) or nodes:
        return None
    choice = "DOCKER=embedded" if made_on == _plain(client.embedded().url) else f"DOCKER_HOST={made_on}"
    folder = shlex.quote(str(paths.cluster_dir(name)))
    used = _plain(client.socket())
    return Problem(
        f"cluster {name}: made on the Docker engine at {made_on}, but this run uses {used}; nothing is touched",
        hint=f"{choice} with the same command; where that engine is gone for good: rm -r {folder}",
    )


def require_same(name: str, nodes: list[NodeFacts]) -> None:
    """Stop where a cluster was made on another engine than the one in use.

    Args:
        name: Name of the cluster.
        nodes: Its nodes on the engine in use.

    Raises:
        Problem: It was, or no engine answers.
    """
    found = objection(name, nodes)
    if found is not None:
        raise found


def ensure_answer(p: Parameters, start: Callable[[str], None]) -> bool:
    """Start the embedded engine where none answers and it holds containers; return whether one answers then.

    Args:
        p: The parameters, which name the cluster that is looked for.
        start: Starts the engine that DOCKER, its argument, allows.

    Returns:
        False where none answers and this checkout has nothing on any.

    Raises:
        Problem: None answers, but one is expected to, so that the cluster may be there unseen.
    """
    try:
        client.client()
    except Problem as problem:
        if _may_be_embedded(p):
            start(p.docker)
            return True
        expected = _expected_by(p)
        if expected:
            raise Problem(
                f"{problem.message}; nothing is removed, for cluster {p.cluster_name} may be there ({expected})",
                hint=problem.hint,
            ) from problem
        return False
    return True


def _may_be_embedded(p: Parameters) -> bool:
    """Return whether the embedded engine may be used, holds anything, and is not known to be the wrong one."""
    allowed = p.docker != "host" and not os.environ.get("DOCKER_HOST")
    embedded = client.embedded()
    return allowed and embedded.data.exists() and _recorded(p.cluster_name) in {"", _plain(embedded.url)}


def _expected_by(p: Parameters) -> str:
    """Return what speaks for an engine with something of this checkout on it, in words; empty where nothing does."""
    if os.environ.get("DOCKER_HOST"):
        return "DOCKER_HOST is set"
    if p.docker == "host":
        return "DOCKER=host"
    ledgers = nics_ledger.path(p.cluster_name), ledger.path(p.cluster_name)
    traces = [*ledgers, *sorted(paths.BUILD.glob("cluster-*")), paths.REGISTRY_CA.parent]
    return next((f"{trace} is there" for trace in traces if trace.exists()), "")


def _recorded(name: str) -> str:
    """Return the address of the engine on which a cluster was made; empty where that is not known."""
    try:
        return (paths.cluster_dir(name) / _RECORD).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _plain(url: str) -> str:
    """Return an engine's address without the links in its path: /var/run is one to /run."""
    path = url.removeprefix("unix://")
    return url if path == url else f"unix://{Path(path).resolve()}"
