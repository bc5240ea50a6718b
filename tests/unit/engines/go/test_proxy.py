"""tasks.engines.go.proxy: the proxy's words, and an answer that is remembered for a day."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import modules as go_modules
from tasks.engines.go import proxy as go_proxy
from tasks.problems import Problem
from tasks.settings import artifacts, parameters, paths
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters

    Refusal = Callable[..., str]

MODULE = "go.etcd.io/etcd/server/v3"
REFUSED = "reading https://goproxy.example/m/@v/v1.info: 403 Forbidden\n\tserver response: No such version."
GONE = "reading https://goproxy.example/m/@v/v1.info: 410 Gone"
NO_NETWORK = 'Get "https://goproxy.example/m/@v/v1.info": dial tcp: lookup goproxy.example: no such host'
BUSY = "reading https://goproxy.example/m/@v/v1.info: 503 Service Unavailable"


class Proxy:
    """What go says of the module itself and of what it requires, and how often it was asked."""

    def __init__(self) -> None:
        self.module: dict[str, str] = {}
        self.required: list[dict[str, str]] = []
        self.asked: list[tuple[str, ...]] = []

    def fetch(self, _artifact: artifacts.GoArtifact, _settings: Parameters, *modules: str) -> str:
        self.asked.append(modules)
        answers = [{"Path": MODULE, "Version": "v3.5.15", **self.module}, *(() if modules else self.required)]
        return "\n".join(json.dumps(answer, indent=1) for answer in answers)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """Return the proxy that is asked."""
    answering = Proxy()
    monkeypatch.setattr(go_modules, "fetch", answering.fetch)
    return answering


@pytest.fixture
def refusal(tmp_path: Path) -> Refusal:
    """Return a function that returns why etcd is refused, with a cache of the test and other parameters as given."""

    def ask(**values: str) -> str:
        given = {"PROFILE": "lab", "CACHE_DIR": str(tmp_path), **values}
        return go_proxy.refusal(artifacts.ETCD, parameters.validated(layers.read(paths.ROOT, given)))

    return ask


def test_what_is_served_is_not_refused_and_asked_for_once(proxy: Proxy, refusal: Refusal) -> None:
    assert (refusal(), refusal()) == ("", "")
    assert proxy.asked == [(MODULE,), ()]


@pytest.mark.parametrize(
    ("error", "words"),
    [(REFUSED, "403 Forbidden: No such version."), (GONE, "410 Gone")],
    ids=["with words", "without"],
)
def test_a_refusal_is_told_in_the_words_of_the_proxy_and_remembered(
    proxy: Proxy, refusal: Refusal, error: str, words: str
) -> None:
    proxy.module = {"Error": error}
    assert (refusal(), refusal()) == (f"{MODULE}@v3.5.15: {words}",) * 2
    assert proxy.asked == [(MODULE,)]


def test_a_refused_requirement_is_a_refusal_too(proxy: Proxy, refusal: Refusal) -> None:
    proxy.required = [{"Path": "example.com/m", "Version": "v1.0.0", "Error": GONE}]
    assert refusal() == "example.com/m@v1.0.0: 410 Gone"


@pytest.mark.parametrize("error", [NO_NETWORK, BUSY])
def test_a_proxy_that_gives_no_answer_is_a_problem_and_not_remembered(
    proxy: Proxy, refusal: Refusal, error: str
) -> None:
    proxy.module = {"Error": error}
    with pytest.raises(Problem, match="gave no answer") as caught:
        refusal()
    assert error in caught.value.details
    proxy.module = {}
    assert refusal() == ""


def test_an_answer_is_forgotten_after_a_day(proxy: Proxy, refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy.module = {"Error": REFUSED}
    assert refusal()
    proxy.module = {}
    assert refusal()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 25 * 3600)
    assert refusal() == ""


def test_another_proxy_is_another_question(proxy: Proxy, refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy.module = {"Error": REFUSED}
    assert refusal()
    proxy.module = {}
    monkeypatch.setenv("GOPROXY", "https://another.example")
    assert refusal() == ""


def test_another_proxy_of_the_parameters_is_another_question(proxy: Proxy, refusal: Refusal) -> None:
    proxy.module = {"Error": REFUSED}
    assert refusal()
    proxy.module = {}
    assert refusal(GO_PROXY="https://another.example") == ""


def test_a_broken_memory_is_asked_again(proxy: Proxy, refusal: Refusal, tmp_path: Path) -> None:
    assert refusal() == ""
    for memory in (tmp_path / "go/answers").iterdir():
        memory.write_text("{", encoding="utf-8")
    proxy.module = {"Error": REFUSED}
    assert refusal()


def test_nobody_is_asked_for_what_is_built(proxy: Proxy, refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(go_modules, "is_built", lambda *_: True)
    proxy.module = {"Error": REFUSED}
    assert refusal() == ""
    assert proxy.asked == []
