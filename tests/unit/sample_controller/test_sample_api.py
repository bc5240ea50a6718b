"""The sample controller's client of the Kubernetes API, against a server that answers what the test says."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from sample_operator.api import Api, ApiError

if TYPE_CHECKING:
    from collections.abc import Callable


class Server:
    """Records requests; answers by their method and path, 404 otherwise."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.answers: dict[tuple[str, str], int | dict[str, Any]] = {}
        self.tokens = ["old", "new"]
        self.accepted = {"old", "new"}

    def login(self) -> SimpleNamespace:
        nothing = dict.fromkeys(("ca_path", "ca_data", "certificate_path", "certificate_data"))
        return SimpleNamespace(server="https://cluster", token=self.tokens.pop(0), **nothing)

    def open(self, request: urllib.request.Request, **_: Any) -> io.BytesIO:
        path = request.full_url.removeprefix("https://cluster")
        body = json.loads(request.data) if isinstance(request.data, bytes) else None
        self.requests.append((request.get_method(), path, body))
        trusted = (request.get_header("Authorization") or "").removeprefix("Bearer ") in self.accepted
        answer = self.answers.get((request.get_method(), path), 404) if trusted else 401
        if isinstance(answer, int):
            raise urllib.error.HTTPError(request.full_url, answer, "no", {}, io.BytesIO(b"said no"))  # type: ignore[arg-type]
        return io.BytesIO(json.dumps(answer).encode())


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    made = Server()
    monkeypatch.setattr(urllib.request, "urlopen", made.open)
    return made


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
