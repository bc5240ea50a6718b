"""The sample controller's client of the Kubernetes API, against a server that answers what the test says."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sample_operator.api import Api, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Server:
    """Records requests; answers by their method and path, 404 otherwise."""

    def __init__(self) -> None:
        self.address = ""
        self.requests: list[tuple[str, str, Any]] = []
        self.answers: dict[tuple[str, str], int | dict[str, Any]] = {}
        self.tokens = ["old", "new"]
        self.accepted = {"old", "new"}

    def login(self) -> SimpleNamespace:
        nothing = dict.fromkeys(("ca_path", "ca_data", "certificate_path", "certificate_data"))
        return SimpleNamespace(server=self.address, token=self.tokens.pop(0), **nothing)


def handler(server: Server) -> type[BaseHTTPRequestHandler]:
    """Return what answers requests for a server."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.requests.append((self.command, self.path, json.loads(content) if content else None))
            is_trusted = (self.headers["Authorization"] or "").removeprefix("Bearer ") in server.accepted
            answer = server.answers.get((self.command, self.path), 404) if is_trusted else 401
            self.send_response(answer if isinstance(answer, int) else 200)
            self.end_headers()
            self.wfile.write(b"said no" if isinstance(answer, int) else json.dumps(answer).encode())

        do_GET = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on loopback, which is asked through no proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler(made)) as listener:
        made.address = f"http://127.0.0.1:{listener.server_port}"
        threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        listener.shutdown()


FLOW = "/apis/example.com/v1/namespaces/calc/dataflows/df"


def test_what_is_not_there_is_none(server: Server) -> None:
    assert Api(server.login).get("dataflows", "calc", "df") is None
    assert server.requests == [("GET", FLOW, None)]


def test_core_objects_have_their_own_root(server: Server) -> None:
    server.answers["GET", "/api/v1/namespaces/calc/pods/one"] = {"kind": "Pod"}
    assert Api(server.login).get("pods", "calc", "one") == {"kind": "Pod"}


def test_status_goes_where_the_kind_takes_it(server: Server) -> None:
    server.answers |= {("PATCH", FLOW): {}, ("PATCH", f"{FLOW}/status"): {}}
    Api(server.login).patch("dataflows", "calc", "df", {"metadata": {"a": "b"}, "status": {"status": "Deployed"}})
    assert server.requests == [
        ("PATCH", FLOW, {"metadata": {"a": "b"}}),
        ("PATCH", f"{FLOW}/status", {"status": {"status": "Deployed"}}),
    ]


def test_status_stays_in_the_object_where_there_is_no_endpoint(server: Server) -> None:
    path = "/apis/example.com/v1/namespaces/calc/wbfunctions/f"
    server.answers["PATCH", path] = {}
    Api(server.login).patch("wbfunctions", "calc", "f", {"status": {"status": "Waiting"}})
    assert server.requests == [("PATCH", path, {"status": {"status": "Waiting"}})]


def test_creating_what_exists_is_told(server: Server) -> None:
    path = "/apis/example.com/v1/namespaces/calc/dataflows"
    body = {"metadata": {"namespace": "calc", "name": "df"}}
    server.answers["POST", path] = 409
    api = Api(server.login)
    assert api.create("dataflows", body) is False
    server.answers["POST", path] = body
    assert api.create("dataflows", body) is True


def test_deleting_what_is_gone_is_fine(server: Server) -> None:
    Api(server.login).delete("dataflows", "calc", "df")


def test_a_token_that_expired_is_renewed_once(server: Server) -> None:
    server.answers["GET", FLOW] = {"kind": "DataFlow"}
    server.accepted = {"new"}
    assert Api(server.login).get("dataflows", "calc", "df") == {"kind": "DataFlow"}
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    "verb",
    [
        lambda api: api.get("dataflows", "calc", "df"),
        lambda api: api.patch("dataflows", "calc", "df", {"spec": {}}),
        lambda api: api.delete("dataflows", "calc", "df"),
    ],
    ids=["get", "patch", "delete"],
)
def test_refusals_carry_their_code_and_what_the_server_says(server: Server, verb: Callable[[Api], None]) -> None:
    server.answers = dict.fromkeys([("GET", FLOW), ("PATCH", FLOW), ("DELETE", FLOW)], 403)
    with pytest.raises(ApiError, match="403 said no") as caught:
        verb(Api(server.login))
    assert caught.value.code == 403
