"""Which Docker engine a cluster is on. If another engine answers, or none, the cluster is not necessarily gone."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.docker import client
from tasks.engines.files import atomic
from tasks.engines.kube import attachment
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
    """Record which engine a cluster is made on.

    Args:
        name: Name of the cluster.
    """
    atomic.write(paths.cluster_dir(name) / _RECORD, f"{_plain(client.socket())}\n")


def made_elsewhere() -> set[str]:
    """Return the names of this checkout's clusters that were made on another engine than the one in use."""
    known = {folder.name.removeprefix("cluster-") for folder in paths.BUILD.glob("cluster-*")}
    return {name for name in known if _recorded(name) not in {"", _plain(client.socket())}}


def objection(name: str, nodes: list[NodeFacts]) -> Problem | None:
    """Return why a cluster that was made on another engine than the one in use must be left alone, or None.

    The engine in use does not know such a cluster, and would report its name as free.

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
    """Stop if a cluster was made on another engine than the one in use.

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
    """Start the embedded engine if none answers and it has data; return whether an engine answers then.

    Args:
        p: The parameters, which name the cluster.
        start: Starts the engine that its argument, the value of DOCKER, allows.

    Returns:
        False if none answers and this checkout has nothing on any engine.

    Raises:
        Problem: None answers although one is expected to, so the cluster may exist unseen.
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
                f"{problem.message}; nothing is removed, because cluster {p.cluster_name} may be there ({expected})",
                hint=problem.hint,
            ) from problem
        return False
    return True


def _may_be_embedded(p: Parameters) -> bool:
    """Return whether the embedded engine may be used, has data, and is not known to be the wrong one."""
    allowed = p.docker != "host" and not os.environ.get("DOCKER_HOST")
    embedded = client.embedded()
    return allowed and embedded.data.exists() and _recorded(p.cluster_name) in {"", _plain(embedded.url)}


def _expected_by(p: Parameters) -> str:
    """Return, in words, why an engine is expected to hold something of this checkout; empty if none is."""
    attached = attachment.folders()
    ledgers = nics_ledger.path(p.cluster_name), ledger.path(p.cluster_name)
    traces = [*ledgers, *(folder for folder in sorted(paths.BUILD.glob("cluster-*")) if folder not in attached)]
    if paths.cluster_dir(p.cluster_name) not in attached:
        if os.environ.get("DOCKER_HOST"):
            return "DOCKER_HOST is set"
        if p.docker == "host":
            return "DOCKER=host"
        traces.append(paths.REGISTRY_CA.parent)
    return next((f"{trace} is there" for trace in traces if trace.exists()), "")


def _recorded(name: str) -> str:
    """Return the address of the engine that a cluster was made on; empty if it is unknown."""
    try:
        return (paths.cluster_dir(name) / _RECORD).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _plain(url: str) -> str:
    """Return an engine's address with the links in its path resolved: /var/run is a link to /run."""
    path = url.removeprefix("unix://")
    return url if path == url else f"unix://{Path(path).resolve()}"
