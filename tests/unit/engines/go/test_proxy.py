"""tasks.engines.go.proxy: the proxy's words, and an answer that is remembered for a day."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import modules as go_modules
from tasks.engines.go import proxy as go_proxy
from tasks.problems import Problem
from tasks.settings import artifacts, parameters, paths
from tasks.settings.parameters import layers
from tests.unit.programs import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters
    from tests.unit.programs import Programs

    Refusal = Callable[..., str]

ASK = ["mod", "download", "-json"]
MODULE = "go.etcd.io/etcd/server/v3"
REFUSED = "reading https://goproxy.example/m/@v/v1.info: 403 Forbidden\n\tserver response: No such version."
GONE = "reading https://goproxy.example/m/@v/v1.info: 410 Gone"
NO_NETWORK = 'Get "https://goproxy.example/m/@v/v1.info": dial tcp: lookup goproxy.example: no such host'
BUSY = "reading https://goproxy.example/m/@v/v1.info: 503 Service Unavailable"


@dataclass(frozen=True)
class Proxy:
    """A go command on PATH, and what it prints for the proxy's answers."""

    programs: Programs

    def answer(self, error: str = "", *required: dict[str, str]) -> None:
        """Make go report whether the proxy has the module itself and everything that it requires."""
        module = {"Path": MODULE, "Version": "v3.5.15", **({"Error": error} if error else {})}
        answers: dict[str, str | Answer] = {
            f"{' '.join(ASK)} {MODULE}": Answer(_said(module), code=int(bool(error))),
            " ".join(ASK): Answer(_said(module, *required), code=int(bool(error or required))),
            "env": "",
        }
        self.programs.put("go", "go version go1.23.0 linux/amd64", answers)

    @property
    def asked(self) -> list[list[str]]:
        """The modules of each question; none if all modules were asked for."""
        return [call[4:] for call in self.programs.calls if call[1:4] == ASK]


def _said(*modules: dict[str, str]) -> str:
    return "\n".join(json.dumps(module, indent=1) for module in modules)


@pytest.fixture
def proxy(programs: Programs) -> Proxy:
    """Return the proxy that is asked, which has everything."""
    made = Proxy(programs)
    made.answer()
    return made


@pytest.fixture
def chosen(tmp_path: Path) -> Callable[..., Parameters]:
    """Return a function that returns the lab's parameters, with the test's cache and the given values."""

    def choose(**values: str) -> Parameters:
        return parameters.validated(layers.read(paths.ROOT, {"PROFILE": "lab", "CACHE_DIR": str(tmp_path), **values}))

    return choose


@pytest.fixture
def refusal(chosen: Callable[..., Parameters]) -> Refusal:
    """Return a function that returns why etcd is refused, with the given parameters."""
    return lambda **values: go_proxy.refusal(artifacts.ETCD, chosen(**values))


def test_what_is_served_is_not_refused_and_asked_for_once(proxy: Proxy, refusal: Refusal) -> None:
    assert (refusal(), refusal()) == ("", "")
    assert proxy.asked == [[MODULE], []]


@pytest.mark.parametrize(
    ("error", "words"),
    [(REFUSED, "403 Forbidden: No such version."), (GONE, "410 Gone")],
    ids=["with words", "without"],
)
def test_a_refusal_is_told_in_the_words_of_the_proxy_and_remembered(
    proxy: Proxy, refusal: Refusal, error: str, words: str
) -> None:
    proxy.answer(error)
    assert (refusal(), refusal()) == (f"{MODULE}@v3.5.15: {words}",) * 2
    assert proxy.asked == [[MODULE]]


def test_a_refused_requirement_is_a_refusal_too(proxy: Proxy, refusal: Refusal) -> None:
    proxy.answer("", {"Path": "example.com/m", "Version": "v1.0.0", "Error": GONE})
    assert refusal() == "example.com/m@v1.0.0: 410 Gone"


@pytest.mark.parametrize("error", [NO_NETWORK, BUSY])
def test_a_proxy_that_gives_no_answer_is_a_problem_and_not_remembered(
    proxy: Proxy, refusal: Refusal, error: str
) -> None:
    proxy.answer(error)
    with pytest.raises(Problem, match="gave no answer") as caught:
        refusal()
    assert error in caught.value.details
    proxy.answer()
    assert refusal() == ""


def test_an_answer_is_asked_for_again_after_a_day(
    proxy: Proxy, refusal: Refusal, chosen: Callable[..., Parameters], tmp_path: Path
) -> None:
    proxy.answer(REFUSED)
    refused_before = refusal()
    assert refused_before
    proxy.answer()
    assert refusal()
    for memory in (tmp_path / "go/answers").iterdir():
        answer = json.loads(memory.read_text(encoding="utf-8"))
        memory.write_text(json.dumps({**answer, "time": answer["time"] - 25 * 3600}), encoding="utf-8")
    assert go_proxy.last(artifacts.ETCD, chosen()) == refused_before, (
        "what an image is made of stays the same until the proxy is asked again"
    )
    assert refusal() == ""
    assert go_proxy.last(artifacts.ETCD, chosen()) == ""


def test_another_proxy_is_another_question(proxy: Proxy, refusal: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy.answer(REFUSED)
    assert refusal()
    proxy.answer()
    monkeypatch.setenv("GOPROXY", "https://another.example")
    assert refusal() == ""


def test_another_proxy_of_the_parameters_is_another_question(proxy: Proxy, refusal: Refusal) -> None:
    proxy.answer(REFUSED)
    assert refusal()
    proxy.answer()
    assert refusal(GO_PROXY="https://another.example") == ""


def test_a_broken_memory_is_asked_again(proxy: Proxy, refusal: Refusal, tmp_path: Path) -> None:
    assert refusal() == ""
    for memory in (tmp_path / "go/answers").iterdir():
        memory.write_text("{", encoding="utf-8")
    proxy.answer(REFUSED)
    assert refusal()


def test_nobody_is_asked_for_what_is_built(proxy: Proxy, refusal: Refusal, chosen: Callable[..., Parameters]) -> None:
    go_modules._target(artifacts.ETCD, chosen()).mkdir(parents=True)
    proxy.answer(REFUSED)
    assert refusal() == ""
    assert proxy.asked == []
