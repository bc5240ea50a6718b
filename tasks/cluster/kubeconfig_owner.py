"""Whose entry kind would overwrite or remove in the user's kubeconfig: kind itself looks only at the name."""

from __future__ import annotations

import contextlib
import shlex
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tasks.engines.kube import kubeconfigs
from tasks.problems import Problem
from tasks.settings import paths

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.engines.kube.kind import NodeFacts

_CONNECT_SECONDS = 1.0
_CA = "certificate-authority-data"


def objection(name: str, nodes: list[NodeFacts]) -> Problem | None:
    """Return why the entry of a cluster must be left alone, with what to do instead; None if it may go.

    An entry is ours if it leads to a node of ours or has the CA of our own kubeconfig. If an entry leads to a port of
    this machine where nobody listens, its cluster is gone, or it is stopped and its owner exports the entry again.

    Args:
        name: Name of the cluster, which is ours or not there.
        nodes: Its nodes.
    """
    own = {f"https://127.0.0.1:{node.api_port}" for node in nodes if node.api_port}
    authorities = {entry.get(_CA) for entry in _entries(paths.kubeconfig(name), name)} - {None}
    for file in kubeconfigs.files():
        for entry in _entries(file, name):
            server = str(entry.get("server", ""))
            ours = server in own or entry.get(_CA) in authorities
            if not ours and _may_live(server):
                return Problem(
                    f"{file}: its entry kind-{name} leads to another cluster, at {server}, and is left alone",
                    hint=f"CLUSTER_NAME={name}-2, or KUBECONFIG=<another file>, with the same command;"
                    f" or ./doit kubectl --kubeconfig {shlex.quote(str(file))} config delete-cluster kind-{name}",
                )
    return None


def require_free(name: str, nodes: list[NodeFacts]) -> None:
    """Stop if kind would overwrite somebody else's entry.

    Args:
        name: Name of the cluster, which is ours or not there.
        nodes: Its nodes.

    Raises:
        Problem: It would.
    """
    found = objection(name, nodes)
    if found is not None:
        raise found


def _entries(file: Path, name: str) -> list[dict[str, Any]]:
    """Return the entries of a kubeconfig for the cluster; none if it is unreadable, which kind then refuses."""
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        return [dict(one["cluster"]) for one in content["clusters"] if one["name"] == f"kind-{name}"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError):
        return []


def _may_live(server: str) -> bool:
    """Return whether a cluster may be at an address: always on another machine, on this one if somebody listens."""
    try:
        address = urlsplit(server)
        host, port = address.hostname or "", address.port or 0
    except ValueError:
        return True
    if not _is_loopback(host):
        return bool(host)
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=_CONNECT_SECONDS):
        return True
    return False


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
