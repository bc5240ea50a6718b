"""Connections to Docker engines of this machine, and why there is none.

The client library is imported inside functions, since it costs a tenth of a second.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.docker import context
from tasks.problems import Problem

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.tls import TLSConfig

    from tasks.engines.docker.context import Endpoint

# Long enough for an engine that is unpacking an image of some gigabytes.
CALL_SECONDS = 600
# Any will do for a question that has none in its path.
_NO_VERSION = "1.24"
# The containerd that a distribution's engine shares, and where it keeps images by default.
_CONTAINERD = "/run/containerd/containerd.sock"
_CONTAINERD_DATA = Path("/var/lib/containerd")
# Why nobody answers at a UNIX socket, and what to do, by the error number.
_NO_ENGINE = {
    errno.ENOENT: (" (there is no such socket)", "sudo apt-get install docker.io"),
    errno.ECONNREFUSED: (" (connection refused: it is stopped)", "sudo systemctl start docker"),
}


class NoEngine(Problem):
    """No Docker engine answers where one is expected."""


def connect(url: str, tls: TLSConfig | None = None) -> DockerClient | None:
    """Return a client of the engine at `url`, or None where none answers."""
    from docker.errors import DockerException

    if not _listens(url):
        return None
    try:
        connection = _client(url, tls)
    except (DockerException, OSError, ValueError, KeyError):
        return None
    try:
        connection.ping()
    except (DockerException, OSError):
        connection.close()
        return None
    return connection


def require_here(endpoint: Endpoint, connection: DockerClient) -> None:
    """Stop where an engine answers on this machine but is at the other end of a tunnel, or in a virtual machine.

    Raises:
        Problem: It runs on another kernel.
    """
    if not endpoint.is_socket and connection.version()["KernelVersion"] != os.uname().release:
        connection.close()
        raise context.elsewhere(endpoint)


def data_folders(engine: DockerClient) -> list[Path]:
    """Return the folders of this machine in which an engine keeps images and containers.

    With the image store of containerd (`docker info`: `driver-type io.containerd.snapshotter.v1`) images are in that
    of containerd, unless the engine runs a containerd of its own below its data root.

    Args:
        engine: Its client.
    """
    facts = engine.info()
    shared = facts.get("Containerd", {}).get("Address") == _CONTAINERD
    in_containerd = shared and any("io.containerd.snapshotter.v1" in row for row in facts.get("DriverStatus") or [])
    return [Path(facts["DockerRootDir"]), *([_CONTAINERD_DATA] if in_containerd else [])]


def no_engine(endpoint: Endpoint) -> NoEngine:
    """Return the failure of an engine that does not answer."""
    url = endpoint.url
    if endpoint.is_socket:
        return _no_engine_at_socket(url)
    reason = _reason_of_silence(endpoint)
    return NoEngine(f"Docker: no engine answers at {url} ({endpoint.origin}): {reason}", hint=f"docker -H {url} info")


def _no_engine_at_socket(url: str) -> NoEngine:
    refusal = _refusal(url)
    if refusal in {errno.EACCES, errno.EPERM}:
        return NoEngine(
            f"Docker at {url}: permission denied", hint="sudo usermod -aG docker $USER, then log out and in again"
        )
    cause, cure = _NO_ENGINE.get(refusal, ("", "sudo systemctl restart docker"))
    if os.environ.get("DOCKER_HOST"):
        cure = f"correct or unset DOCKER_HOST, or {cure}"
    return NoEngine(f"Docker: no engine answers at {url}{cause}", hint=cure)


def _listens(url: str) -> bool:
    """Return whether somebody takes connections at `url`: the client leaks a UNIX socket that nobody listens at."""
    return not url.startswith("unix://") or _refusal(url) == 0


def _refusal(url: str) -> int:
    """Return the error number with which a UNIX socket refuses a connection, or 0 where it takes one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            return probe.connect_ex(url.removeprefix("unix://"))
        except OSError:  # a path that is too long for a socket
            return errno.ENAMETOOLONG


def _client(url: str, tls: TLSConfig | None) -> DockerClient:
    """Return a client that asks no proxy, since the engine is on this machine."""
    from docker import APIClient, DockerClient

    version = None
    if not url.startswith("unix://"):
        # The library asks for the version before it can be told of anything.
        with contextlib.closing(APIClient(url, version=_NO_VERSION, tls=tls or False)) as first:
            first.trust_env = False
            version = first.version(api_version=False)["ApiVersion"]
    connection = DockerClient(base_url=url, version=version, timeout=CALL_SECONDS, tls=tls or False)
    connection.api.trust_env = False
    return connection


def _reason_of_silence(endpoint: Endpoint) -> str:
    from docker.errors import DockerException

    try:
        _client(endpoint.url, context.tls(endpoint)).close()
    except (DockerException, OSError) as error:
        cause: BaseException = error
        while isinstance(getattr(cause, "reason", None) or cause.__context__, BaseException):
            cause = getattr(cause, "reason", None) or cause.__context__ or cause
        return " ".join(str(getattr(cause, "strerror", None) or cause).split())
    except (ValueError, KeyError):
        pass
    return "what answers there is no Docker engine"
