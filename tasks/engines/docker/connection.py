"""Connections to Docker engines on this machine, and the reason when one fails.

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
# A placeholder: the question for the API version has none in its path.
_NO_VERSION = "1.24"
# The containerd that a distribution's Docker engine uses, and where it keeps images by default.
_CONTAINERD = "/run/containerd/containerd.sock"
_CONTAINERD_DATA = Path("/var/lib/containerd")
# Why nothing answers at a UNIX socket, and what to do about it, by error number.
_NO_ENGINE = {
    errno.ENOENT: (" (there is no such socket)", "sudo apt-get install docker.io"),
    errno.ECONNREFUSED: (" (connection refused: it is stopped)", "sudo systemctl start docker"),
}


class NoEngine(Problem):
    """No Docker engine answers where one is expected."""


def connect(url: str, tls: TLSConfig | None = None) -> DockerClient | None:
    """Return a client of the engine at `url`, or None if no engine answers."""
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
    """Stop if an engine that answers on this machine is behind a tunnel or in a virtual machine.

    Raises:
        Problem: It runs on another kernel.
    """
    if not endpoint.is_socket and connection.version()["KernelVersion"] != os.uname().release:
        connection.close()
        raise context.elsewhere(endpoint)


def data_folders(engine: DockerClient) -> list[Path]:
    """Return the folders of this machine in which an engine keeps images and containers.

    With the containerd image store (`docker info`: `driver-type io.containerd.snapshotter.v1`), images are in
    containerd's folder. An engine that runs its own containerd has that folder below its data root.

    Args:
        engine: Its client.
    """
    facts = engine.info()
    shared = facts.get("Containerd", {}).get("Address") == _CONTAINERD
    in_containerd = shared and any("io.containerd.snapshotter.v1" in row for row in facts.get("DriverStatus") or [])
    return [Path(facts["DockerRootDir"]), *([_CONTAINERD_DATA] if in_containerd else [])]


def no_engine(endpoint: Endpoint) -> NoEngine:
    """Return the error for an engine that does not answer."""
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
    """Return whether something listens at `url`; if nothing does, the client library leaks its UNIX socket."""
    return not url.startswith("unix://") or _refusal(url) == 0


def _refusal(url: str) -> int:
    """Return the error number with which a UNIX socket refuses a connection, or 0 if it accepts one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            return probe.connect_ex(url.removeprefix("unix://"))
        except OSError:  # a path that is too long for a socket
            return errno.ENAMETOOLONG


def _client(url: str, tls: TLSConfig | None) -> DockerClient:
    """Return a client that uses no proxy, since the engine is on this machine."""
    from docker import APIClient, DockerClient

    version = None
    if not url.startswith("unix://"):
        # A client that is given no version asks for it while it is created, and would then use a proxy.
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
