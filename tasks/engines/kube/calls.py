"""Requests to the Kubernetes API: their answers, their errors, and which errors are temporary."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from tasks.engines.kube.connection import UNAUTHORIZED
from tasks.engines.programs import again
from tasks.engines.programs.again import Patience
from tasks.engines.programs.waiting import Passing
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from urllib3 import BaseHTTPResponse

    from tasks.engines.kube.connection import Access, Connection

T = TypeVar("T")

ABSENT = 404
_FAILURES = 400
# For reads: etcd elects a new leader, the server starts or stops, or a proxy in between gets no answer.
PASSING = frozenset({429, 500, 502, 503, 504})
# The server has not started to process the request.
_NOT_BEGUN = frozenset({429, 503})
# The longest time, in seconds, to connect, and between two parts of an answer.
_TIMEOUT = (5.0, 60.0)
PATIENCE = Patience(15.0)


@dataclass(frozen=True)
class Cause:
    """What is wrong with one field of a refused object."""

    field: str
    message: str


class Refused(Problem):
    """The API server answered with an error.

    Attributes:
        status: HTTP status of the answer.
        causes: What is wrong with each field, if the server says so.
    """

    def __init__(self, what: str, status: int, reason: str, causes: tuple[Cause, ...] = ()) -> None:
        """Name the request and the reason for the error."""
        super().__init__(f"{what}: {reason}")
        self.status = status
        self.causes = causes


class RefusedForNow(Refused, Passing):
    """The API server answered with a temporary error."""


class Unanswered(Passing):
    """The API server did not answer, or not completely.

    Attributes:
        begun: Whether the connection had been made, and broke afterwards.
    """

    def __init__(self, host: str, reason: object, *, begun: bool, hint: str = "") -> None:
        """Name the server and what happened."""
        super().__init__(f"{host}: the API does not answer: {reason}", hint=hint)
        self.begun = begun


@dataclass(frozen=True)
class Body:
    """The body of a request: JSON, and its content type."""

    content: Mapping[str, Any]
    type: str


@dataclass(frozen=True)
class _Request:
    """A request, which may have to be sent again with other credentials."""

    method: str
    address: str
    body: Body | None
    stream: bool

    def send(self, access: Access) -> BaseHTTPResponse:
        """Send it.

        Raises:
            urllib3.exceptions.HTTPError: There is no answer.
        """
        from urllib3 import Timeout

        headers = {**access.headers, "Accept": "application/json, */*"}
        if self.body:
            headers["Content-Type"] = self.body.type
        return access.pool.request(
            self.method,
            self.address,
            headers=headers,
            body=json.dumps(self.body.content) if self.body else None,
            timeout=Timeout(*_TIMEOUT),
            retries=False,
            preload_content=not self.stream,
        )


class Requests:
    """One API server. Safe to use from several threads."""

    def __init__(self, connection: Connection, patience: Patience) -> None:
        """Keep how the server is accessed and how long to retry; nothing is sent yet."""
        self._connection = connection
        self._host, self._hint = connection.host, connection.hint
        self._patience = patience
        # Once retrying has failed for the whole time, later reads are not retried until one succeeds.
        self._worn_out = False

    def read(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """Return the content at a path, and retry for a while if the error is temporary.

        Args:
            path: Path on the server.
            query: The query's parameters.

        Raises:
            Refused: The server answered with an error.
            Unanswered: It did not answer.
        """
        return self._patiently(lambda: self._ask("GET", path, query or {}))

    def read_object(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Return the JSON at a path; like `read`, and also retry if the answer is cut short.

        Args:
            path: Path on the server.
            query: The query's parameters.

        Raises:
            Refused: The server answered with an error.
            Unanswered: It did not answer, or not with JSON.
        """

        def ask() -> Any:
            content = self._ask("GET", path, query or {})
            try:
                return json.loads(content)
            except ValueError as error:
                raise Unanswered(self._host, f"{path}: not JSON: {error}", begun=True, hint=self._hint) from error

        return self._patiently(ask)

    def lines(self, path: str, query: Mapping[str, str]) -> Iterator[bytes]:
        """Yield the lines of an answer as they come, until the server ends it or is silent for a minute.

        Args:
            path: Path on the server.
            query: The query's parameters.

        Raises:
            Refused: The server answered with an error.
            Unanswered: It did not answer, or the connection broke.
        """
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        answer = self._answer("GET", _with(path, query), stream=True)
        try:
            yield from answer
        except ReadTimeoutError:
            return
        except HTTPError as error:
            raise self._unanswered(error) from error
        finally:
            answer.close()

    def send(self, method: str, path: str, query: Mapping[str, str], body: Body | None = None) -> bytes:
        """Request a change; retry only if the server has not started to process it.

        Args:
            method: HTTP method.
            path: Path on the server.
            query: The query's parameters.
            body: The body.

        Raises:
            Refused: The server answered with an error.
            Unanswered: It did not answer.
        """
        return again.retry(
            lambda: self._ask(method, path, query, body),
            passes=lambda failure: isinstance(failure, Refused) and failure.status in _NOT_BEGUN,
            patience=self._patience,
        )

    def _patiently(self, ask: Callable[[], T]) -> T:
        patience = replace(self._patience, longest=0.0) if self._worn_out else self._patience
        try:
            answer = again.retry(ask, passes=_read_passes, patience=patience)
        except Passing:
            self._worn_out = True
            raise
        self._worn_out = False
        return answer

    def _ask(self, method: str, path: str, query: Mapping[str, str], body: Body | None = None) -> bytes:
        data: bytes = self._answer(method, _with(path, query), body).data
        return data

    def _answer(self, method: str, address: str, body: Body | None = None, *, stream: bool = False) -> BaseHTTPResponse:
        from urllib3.exceptions import HTTPError

        request = _Request(method, f"{self._host}{address}", body, stream)
        access = self._connection.access
        try:
            answer = request.send(access)
            if answer.status == UNAUTHORIZED:
                # Credentials that a program or a file gives expire; the server has not begun what was asked.
                answer.drain_conn()
                answer = request.send(self._connection.renew(access))
        except HTTPError as error:
            raise self._unanswered(error) from error
        if answer.status >= _FAILURES:
            raise _refusal(address.partition("?")[0], answer)
        return answer

    def _unanswered(self, error: Exception) -> Problem:
        from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

        begun = not isinstance(error, (NewConnectionError, ConnectTimeoutError))
        failure = Unanswered(self._host, error, begun=begun, hint=self._hint)
        # An invalid certificate does not become valid.
        lasts = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in (*error.args, error.__cause__))
        return Problem(failure.message, hint=failure.hint) if lasts else failure


def _with(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def _read_passes(failure: BaseException) -> bool:
    """Return whether a read is retried; if nothing listens, it is not, and only a surrounding wait goes on."""
    return isinstance(failure, RefusedForNow) or (isinstance(failure, Unanswered) and failure.begun)


def _refusal(path: str, answer: BaseHTTPResponse) -> Refused:
    reason, causes = _words(answer.data, answer.status)
    if answer.status not in PASSING:
        return Refused(path, answer.status, reason, causes)
    passing = RefusedForNow(path, answer.status, reason, causes)
    after = answer.headers.get("Retry-After", "")
    # A date is allowed too (RFC 9110, 10.2.3), but is ignored: the usual pauses suffice.
    passing.after = float(after) if after.isdecimal() else 0.0
    return passing


def _words(data: bytes, status: int) -> tuple[str, tuple[Cause, ...]]:
    """Return the server's own explanation: the message and causes of a Status object, or the plain text."""
    text = data.decode(errors="replace").strip()
    try:
        said = json.loads(text)
        reason = str(said["message"])
    except (ValueError, KeyError, TypeError):
        return f"{status} {text}", ()
    causes = (said.get("details") or {}).get("causes") or []
    return reason, tuple(Cause(cause.get("field", ""), cause.get("message", "")) for cause in causes)
