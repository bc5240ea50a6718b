"""tasks.engines.docker.client without an engine: the choice of the engine, and the closing of connections."""

from __future__ import annotations

import gc
import importlib
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tasks.engines.docker import client, settings
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tests.threads import side_by_side
from tests.unit.conftest import lab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tasks.engines.docker.settings import EngineSettings
    from tests.unit.engine import Engine

NOBODY = 65534


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "docker.sock"
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    client.forget()
    yield path
    client.forget()


def test_a_socket_that_a_killed_engine_left_is_no_engine_and_leaks_nothing(address: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(address))
    assert not client.answers(f"unix://{address}")
    with pytest.raises(Problem, match="no engine answers"):
        client.client()
    gc.collect()  # pytest fails the test for a socket that nobody closed


def test_who_is_not_in_the_group_is_told_so(address: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        address.chmod(0)
        chosen = lab()
        settings.provide(lambda: chosen)
        said = _as_nobody(lambda: str(client.client()))
    assert f"Docker at unix://{address}: permission denied" in said
    assert "usermod -aG docker" in said


@pytest.mark.parametrize(
    ("url", "cause"),
    [
        ("unix:///none/docker.sock", "there is no such socket"),
        (f"unix:///{'long' * 40}", "no engine answers at"),
        ("tcp://127.0.0.1:1", "no engine answers at tcp://127.0.0.1:1"),
        ("docker", "DOCKER_HOST: 'docker' is no address of a Docker engine"),
    ],
)
def test_an_address_at_which_no_engine_is_is_one_line(
    address: Path, monkeypatch: pytest.MonkeyPatch, url: str, cause: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", url)
    with pytest.raises(Problem, match=cause) as caught:
        client.client()
    assert "DOCKER_HOST" in str(caught.value)


def test_an_engine_that_answers_nonsense_is_no_engine(address: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor() as pool:
        listener.bind(str(address))
        listener.listen()
        served = pool.submit(_answer_once, listener)
        assert not client.answers(f"unix://{address}")
        assert b"GET " in served.result()
    gc.collect()


def test_checks_side_by_side_share_one_connection(engine: Engine) -> None:
    assert side_by_side([client.socket] * 4) == [engine.url] * 4
    assert engine.reads.count("GET /_ping") == 1
    connected = client.client()
    client.forget()
    assert waiting.until("closed", lambda: len(engine.connections), lambda count: count == 0, deadline=5) == 0
    assert connected is not client.client()


def test_the_settings_are_read_when_an_engine_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    client.forget()

    def wrong() -> EngineSettings:
        raise Problem(".env:3: DOCKER: 'podman' is none of host, embedded, auto")

    settings.provide(wrong)
    with pytest.raises(Problem, match=r"^\.env:3: DOCKER: "):
        client.client()
    chosen = lab(DOCKER="embedded", CACHE_DIR=str(tmp_path))
    settings.provide(lambda: chosen)
    with pytest.raises(Problem, match=client.embedded().url):
        client.client()


def _as_nobody(call: Callable[[], str]) -> str:
    """Return what a function returns, or its problem, when run by a user who may not even read modules."""
    importlib.import_module("docker")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            os.write(writing, call().encode())
        except Problem as problem:
            os.write(writing, str(problem).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def _answer_once(listener: socket.socket) -> bytes:
    asked = b""
    while not asked:  # a connection that only checks whether something listens sends no request
        connection, _ = listener.accept()
        with connection:
            asked = connection.recv(4096)
            if asked:
                connection.sendall(b"HTTP/1.1 500 Broken\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
    return asked
