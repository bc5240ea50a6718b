"""Programs in containers: one WebSocket for each program, whose channels are read frame by frame.

The client library of Kubernetes is not used: it keeps the whole output as one text and copies it for each frame, and
importing it takes longer than most programs. The channels are those of:
https://github.com/kubernetes/kubernetes/blob/v1.31.0/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
"""

from __future__ import annotations

import json
import re
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tasks.engines.kube import calls, manifests
from tasks.engines.kube.connection import UNAUTHORIZED
from tasks.engines.programs.waiting import Passing
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from websocket import WebSocket

    from tasks.engines.kube.connection import Access, Connection
    from tasks.engines.kube.manifests import Object

_STDIN, _STDOUT, _STDERR, _STATUS = 0, 1, 2, 3
_SUCCESS = "Success"
_EXIT_CODE = "ExitCode"
# How much of a program's standard error, and of all that it prints, is kept: the end of it.
_KEPT = 1 << 16
_KEPT_OUTPUT = 1 << 20
_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
# The longest time, in seconds, between two parts of the handshake: the API server asks the node meanwhile.
_HANDSHAKE = 60.0


class _Unauthorized(Problem):
    """The server did not accept the credentials."""


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
        given: What it gets on its standard input, piece by piece; None if it reads none. The input has no end that the
            program could see, so that it has to know how much it reads, and it prints nothing before it has read that.
    """

    where: Container
    argv: Sequence[str]
    given: Iterable[bytes] | None = None

    def __str__(self) -> str:
        """Return its name for messages."""
        return f"{self.argv[0]} in pod {self.where.namespace}/{self.where.pod} ({self.where.name})"


@dataclass(frozen=True)
class Streams:
    """What is called with the bytes of each piece that a program prints.

    Attributes:
        output: Takes its standard output.
        complaints: Takes its standard error.
    """

    output: Callable[[bytes], object]
    complaints: Callable[[bytes], object]


@dataclass(frozen=True)
class Ending:
    """How a program ended.

    Attributes:
        code: Its exit code.
        output: What it printed on standard output and standard error, in the order in which that came; the end of it.
    """

    code: int
    output: str


def run(connection: Connection, program: Program, take: Callable[[bytes], object], *, timeout: float) -> None:
    """Run a program in a container.

    Args:
        connection: The connection to the API server.
        program: The program.
        take: Called with the bytes of each piece of its standard output.
        timeout: Seconds the program may take.

    Raises:
        Problem: The program cannot be started, fails, or does not end in time.
        Passing: The connection broke.
    """
    complaints = _End(_KEPT)
    try:
        code = _exit_code(connection, program, Streams(take, complaints.take), timeout=timeout)
    except Problem as problem:
        problem.details = problem.details or str(complaints)
        raise
    if code:
        raise Problem(f"{program}: exit code {code}", details=str(complaints))


def ending(connection: Connection, program: Program, *, timeout: float) -> Ending:
    """Run a program in a container, and return how it ended: any exit code will do.

    Args:
        connection: The connection to the API server.
        program: The program.
        timeout: Seconds the program may take.

    Raises:
        Problem: The program cannot be started, or does not end in time; the details are what it printed.
        Passing: The connection broke.
    """
    output = _End(_KEPT_OUTPUT)
    try:
        code = _exit_code(connection, program, Streams(output.take, output.take), timeout=timeout)
    except Problem as problem:
        problem.details = problem.details or str(output)
        raise
    return Ending(code, str(output))


class _End:
    """The end of what a program prints."""

    def __init__(self, size: int) -> None:
        self._size, self._content = size, bytearray()

    def take(self, data: bytes) -> None:
        self._content.extend(data)
        del self._content[: -self._size]

    def __str__(self) -> str:
        return self._content.decode(errors="replace").strip()


def _exit_code(connection: Connection, program: Program, streams: Streams, *, timeout: float) -> int:
    what = str(program)
    session = _session(connection, program)
    status = bytearray()
    takers = {_STDOUT: streams.output, _STDERR: streams.complaints, _STATUS: status.extend}
    try:
        _give(session, program.given or ())
        for channel, data in _pieces(session, what, timeout):
            takers.get(channel, _ignore)(data)
    finally:
        # Without a farewell, which the other side may no longer take.
        session.shutdown()  # type: ignore[no-untyped-call]
    return _judged(what, bytes(status))


def _session(connection: Connection, program: Program) -> WebSocket:
    """Return the session with a program; credentials that have expired are renewed once."""
    access = connection.access
    try:
        return _connect(access, program)
    except _Unauthorized:
        return _connect(connection.renew(access), program)


def _connect(access: Access, program: Program) -> WebSocket:
    from websocket import WebSocket, WebSocketException

    headers = [f"{name}: {value}" for name, value in access.headers.items()]
    try:
        connected = access.socket()
        connected.settimeout(_HANDSHAKE)
        session = WebSocket()
        options = {"socket": connected, "header": headers, "subprotocols": _PROTOCOLS}
        # A refused handshake closes the connection.
        session.connect(_address(access, program), **options)  # type: ignore[no-untyped-call]
    except (WebSocketException, OSError) as error:
        raise _not_started(str(program), error) from error
    return session


def _address(access: Access, program: Program) -> str:
    where = program.where
    options = {"container": where.name, "command": list(program.argv), "stdout": "true", "stderr": "true"}
    query = urlencode({**options, **({"stdin": "true"} if program.given is not None else {})}, doseq=True)
    # The library of WebSockets wants their own scheme: `ws` for `http`.
    server = access.credentials.host.replace("http", "ws", 1)
    return f"{server}/api/v1/namespaces/{where.namespace}/pods/{where.pod}/exec?{query}"


def _not_started(what: str, error: Exception) -> Problem:
    """Return the error of a failed handshake."""
    from websocket import WebSocketConnectionClosedException, WebSocketTimeoutException

    status = getattr(error, "status_code", 0)
    passes = status in calls.PASSING or (
        isinstance(error, (OSError, WebSocketConnectionClosedException, WebSocketTimeoutException))
        and not isinstance(error, ssl.SSLCertVerificationError)
    )
    words = f"{what}: cannot be started: {_server_words(str(error))}"
    if status == UNAUTHORIZED:
        return _Unauthorized(words)
    return Passing(words) if passes else Problem(words)


def _give(session: WebSocket, given: Iterable[bytes]) -> None:
    """Send what a program gets; if it ends before it has read all, its status, which is read next, says why."""
    from websocket import WebSocketException

    with suppress(WebSocketException, OSError):
        for piece in given:
            session.send_binary(bytes([_STDIN]) + piece)


def _pieces(session: WebSocket, what: str, timeout: float) -> Iterator[tuple[int, bytes]]:
    """Yield the channel and content of each message until the other side ends the session."""
    from websocket import ABNF, WebSocketException, WebSocketTimeoutException

    end = time.monotonic() + timeout
    try:
        while True:
            session.settimeout(max(0.001, end - time.monotonic()))
            opcode, frame = session.recv_data_frame(control_frame=True)
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


def _judged(what: str, status: bytes) -> int:
    """Return the exit code in the status that ends a session; stop if it says that there is none."""
    if not status:
        raise Passing(f"{what}: the connection ended before the program did")
    said = json.loads(status)
    if said.get("status") == _SUCCESS:
        return 0
    causes = (said.get("details") or {}).get("causes") or []
    code = next((str(cause["message"]) for cause in causes if cause.get("reason") == _EXIT_CODE), "")
    if not code.isdecimal():
        raise Problem(f"{what}: {said.get('message', 'failed')}")
    return int(code)


def _server_words(reason: str) -> str:
    """Return the reason in a refused handshake: the message of its Status object, or its first part."""
    said = re.search(r'"message":"((?:[^"\\]|\\.)*)"', reason)
    return str(json.loads(f'"{said[1]}"')) if said else reason.partition(" -+-+- ")[0]


def _ignore(_: bytes) -> None:
    """Ignore the content of a channel that is not used."""
