"""Programs in containers: one WebSocket for each program, whose channels are read frame by frame.

The client library is used only to connect: when reading, it keeps the whole output as one text and copies it for each
frame. The channels are those of:
https://github.com/kubernetes/kubernetes/blob/v1.31.0/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
"""

from __future__ import annotations

import json
import re
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tasks.engines.kube import calls, manifests
from tasks.engines.programs.waiting import Passing
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tasks.engines.kube.manifests import Object

_STDOUT, _STDERR, _STATUS = 1, 2, 3
_SUCCESS = "Success"
_EXIT_CODE = "ExitCode"
# How much of a program's standard error is kept: the end of it.
_KEPT = 1 << 16


@dataclass(frozen=True)
class Container:
    """Where a program runs."""

    pod: str
    namespace: str
    name: str

    @classmethod
    def of(cls, pod: Object, name: str) -> Container:
        """Return a container of a pod, by name."""
        return cls(manifests.name_of(pod), manifests.namespace_of(pod), name)


@dataclass(frozen=True)
class Program:
    """A program in a container.

    Attributes:
        where: The container.
        argv: Program and arguments; no shell is involved.
    """

    where: Container
    argv: Sequence[str]

    def __str__(self) -> str:
        """Return its name for messages."""
        return f"{self.argv[0]} in pod {self.where.namespace}/{self.where.pod} ({self.where.name})"


def run(configuration: Any, program: Program, take: Callable[[bytes], object], *, timeout: float) -> None:
    """Run a program in a container.

    Args:
        configuration: The client library's configuration for the API server.
        program: The program.
        take: Called with the bytes of each piece of its standard output.
        timeout: Seconds the program may take.

    Raises:
        Problem: The program cannot be started, fails, or does not end in time.
        Passing: The connection broke.
    """
    what = str(program)
    session = _connect(configuration, program)
    complaints, status = bytearray(), bytearray()
    takers = {_STDOUT: take, _STDERR: complaints.extend, _STATUS: status.extend}
    try:
        for channel, data in _pieces(session.sock, what, timeout):
            takers.get(channel, _ignore)(data)
            del complaints[:-_KEPT]
    finally:
        # The library leaves the socket open when the other side ends the session.
        session.sock.shutdown()
    _judge(what, bytes(status), complaints.decode(errors="replace").strip())


def _connect(configuration: Any, program: Program) -> Any:
    from kubernetes import client
    from kubernetes.client.exceptions import ApiException
    from kubernetes.stream import stream

    # The stream helper replaces a method of its client while it connects, so each call has its own client.
    where = program.where
    connect = client.CoreV1Api(client.ApiClient(configuration)).connect_get_namespaced_pod_exec
    try:
        return stream(
            connect, where.pod, where.namespace, container=where.name, command=list(program.argv),
            stdin=False, stdout=True, stderr=True, tty=False, _preload_content=False, binary=True,
        )  # fmt: skip
    except ApiException as error:
        raise _not_started(str(program), error) from error


def _not_started(what: str, error: Exception) -> BaseException:
    """Return the error of a failed handshake; the library wraps even an interrupt of the run in an ApiException."""
    from websocket import WebSocketConnectionClosedException

    cause = error.__context__
    if cause is not None and not isinstance(cause, Exception):
        return cause
    passes = getattr(cause, "status_code", 0) in calls.PASSING or (
        isinstance(cause, (OSError, WebSocketConnectionClosedException))
        and not isinstance(cause, ssl.SSLCertVerificationError)
    )
    words = f"{what}: cannot be started: {_server_words(str(cause or error))}"
    return Passing(words) if passes else Problem(words)


def _pieces(sock: Any, what: str, timeout: float) -> Iterator[tuple[int, bytes]]:
    """Yield the channel and content of each message until the other side ends the session."""
    from websocket import ABNF, WebSocketException, WebSocketTimeoutException

    end = time.monotonic() + timeout
    try:
        while True:
            sock.settimeout(max(0.001, end - time.monotonic()))
            opcode, frame = sock.recv_data_frame(control_frame=True)
            if opcode == ABNF.OPCODE_CLOSE:
                return
            if opcode in (ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT) and frame.data:
                yield frame.data[0], frame.data[1:]
            if time.monotonic() > end:
                raise _late(what, timeout)
    except WebSocketTimeoutException as error:
        raise _late(what, timeout) from error
    except (WebSocketException, OSError) as error:
        raise Passing(f"{what}: the connection broke: {error}") from error


def _late(what: str, timeout: float) -> Problem:
    return Problem(f"{what}: did not end within {timeout:.0f} s")


def _judge(what: str, status: bytes, complaints: str) -> None:
    """Stop if the status that ends a session does not say that the program succeeded."""
    if not status:
        raise Passing(f"{what}: the connection ended before the program did", details=complaints)
    said = json.loads(status)
    if said.get("status") == _SUCCESS:
        return
    causes = (said.get("details") or {}).get("causes") or []
    code = next((cause["message"] for cause in causes if cause.get("reason") == _EXIT_CODE), "")
    reason = f"exit code {code}" if code else str(said.get("message", "failed"))
    raise Problem(f"{what}: {reason}", details=complaints)


def _server_words(reason: str) -> str:
    """Return the reason in a refused handshake: the message of its Status object, or its first part."""
    said = re.search(r'"message":"((?:[^"\\]|\\.)*)"', reason)
    return str(json.loads(f'"{said[1]}"')) if said else reason.partition(" -+-+- ")[0]


def _ignore(_: bytes) -> None:
    """Ignore the content of a channel that is not used."""
