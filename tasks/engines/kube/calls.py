"""Requests to the Kubernetes API: their answers, their refusals, and which of these pass by themselves."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from tasks.engines.programs import again
from tasks.engines.programs.again import Patience
from tasks.engines.programs.waiting import Passing
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from urllib3 import BaseHTTPResponse, PoolManager

T = TypeVar("T")

ABSENT = 404
_FAILURES = 400
# Of a read: etcd changes its leader, the server starts or ends, a proxy in between has no answer.
PASSING = frozenset({429, 500, 502, 503, 504})
# The server has not begun with the request.
_NOT_BEGUN = frozenset({429, 503})
# Seconds to connect, and between two parts of an answer.
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
        causes: What is wrong, field by field, where the server says so.
    """

    def __init__(self, what: str, status: int, reason: str, causes: tuple[Cause, ...] = ()) -> None:
        """Name what was asked for and why it was refused."""
        super().__init__(f"{what}: {reason}")
        self.status = status
        self.causes = causes


class RefusedForNow(Refused, Passing):
    """The API server answered with an error that passes by itself."""


class Unanswered(Passing):
    """The API server did not answer, or not to the end.

    Attributes:
        begun: Whether somebody was there: the connection broke afterwards.
    """

    def __init__(self, host: str, reason: object, *, begun: bool) -> None:
        """Name the server and what happened."""
        super().__init__(f"{host}: the API does not answer: {reason}", hint="./doit create_cluster")
        self.begun = begun


@dataclass(frozen=True)
class Body:
    """What a request carries: JSON, and its content type."""

    content: Mapping[str, Any]
    type: str


class Requests:
    """One API server. Safe to use from several threads."""

    def __init__(self, host: str, pool: PoolManager, credentials: Mapping[str, str], patience: Patience) -> None:
        """Keep where, as whom and how patiently to ask; nothing is sent yet."""
        self._host = host
        self._pool = pool
        self._credentials = credentials
        self._patience = patience
        # A server that was not well for that long is not waited for again at each of many reads.
        self._worn_out = False

    def read(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """Return what is at a path, asked for again for a while where the answer is an error that passes.

        Args:
            path: Path on the server.
            query: The query's parameters.

        Raises:
            Refused: The server answered with an error.
            Unanswered: It did not answer.
        """
        return self._patiently(lambda: self._ask("GET", path, query or {}))

    def read_object(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """Return the JSON at a path; like `read`, and an answer that is cut short is asked for again.

        Args:
            path: Path on the server.
            query: The query's parameters.

        Raises:
            Refused: The server answered with an error.
            Unanswered: It did not answer, or with something else.
        """

        def ask() -> Any:
            content = self._ask("GET", path, query or {})
            try:
                return json.loads(content)
            except ValueError as error:
                raise Unanswered(self._host, f"{path}: not JSON: {error}", begun=True) from error

        return self._patiently(ask)

    def send(self, method: str, path: str, query: Mapping[str, str], body: Body | None = None) -> bytes:
        """Ask for a change; again only where the server has not begun with it.

        Args:
            method: HTTP method.
            path: Path on the server.
            query: The query's parameters.
            body: What is sent.

        Raises:
            Refused: The server answered with an error.
            Unanswered: It did not answer.
        """
        return again.asked(
            lambda: self._ask(method, path, query, body),
            passes=lambda failure: isinstance(failure, Refused) and failure.status in _NOT_BEGUN,
            patience=self._patience,
        )

    def _patiently(self, ask: Callable[[], T]) -> T:
        patience = replace(self._patience, longest=0.0) if self._worn_out else self._patience
        try:
            answer = again.asked(ask, passes=_read_passes, patience=patience)
        except Passing:
            self._worn_out = True
            raise
        self._worn_out = False
        return answer

    def _ask(self, method: str, path: str, query: Mapping[str, str], body: Body | None = None) -> bytes:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        url = f"{self._host}{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {**self._credentials, "Accept": "application/json, */*"}
        if body:
            headers["Content-Type"] = body.type
        content = json.dumps(body.content) if body else None
        try:
            answer = self._pool.request(
                method, url, headers=headers, body=content, timeout=Timeout(*_TIMEOUT), retries=False
            )
        except HTTPError as error:
            raise self._unanswered(error) from error
        if answer.status >= _FAILURES:
            raise _refusal(path, answer)
        data: bytes = answer.data
        return data

    def _unanswered(self, error: Exception) -> Problem:
        from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

        failure = Unanswered(self._host, error, begun=not isinstance(error, (NewConnectionError, ConnectTimeoutError)))
        # A certificate stays wrong.
        lasts = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in (*error.args, error.__cause__))
        return Problem(failure.message, hint=failure.hint) if lasts else failure


def _read_passes(failure: BaseException) -> bool:
    """Tell whether a read is worth another try; where nobody listens, only a wait goes on."""
    return isinstance(failure, RefusedForNow) or (isinstance(failure, Unanswered) and failure.begun)


def _refusal(path: str, answer: BaseHTTPResponse) -> Refused:
    reason, causes = _words(answer.data, answer.status)
    if answer.status not in PASSING:
        return Refused(path, answer.status, reason, causes)
    passing = RefusedForNow(path, answer.status, reason, causes)
    after = answer.headers.get("Retry-After", "")
    # A date is allowed too (RFC 9110, 10.2.3): our own pauses do then.
    passing.after = float(after) if after.isdecimal() else 0.0
    return passing


def _words(data: bytes, status: int) -> tuple[str, tuple[Cause, ...]]:
    """Return the server's own words: the message of a Status object and its causes, or the plain text."""
    text = data.decode(errors="replace").strip()
    try:
        said = json.loads(text)
        reason = str(said["message"])
    except (ValueError, KeyError, TypeError):
        return f"{status} {text}", ()
    causes = (said.get("details") or {}).get("causes") or []
    return reason, tuple(Cause(cause.get("field", ""), cause.get("message", "")) for cause in causes)
