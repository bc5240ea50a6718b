"""`delete_cluster` and `clean` when Docker does not answer: a failure with its cause, or nothing to do at all."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Checkout

WAYS = pytest.mark.parametrize("words", [("delete_cluster",), ("clean",), ("run", "clean")], ids=" ".join)


@pytest.fixture
def kept(checkout: Checkout) -> Path:
    """The files in build/ of a cluster that may exist."""
    file = checkout.root / "build" / "cluster-kind" / "kubeconfig"
    file.parent.mkdir(parents=True)
    file.touch()
    return file


@WAYS
def test_an_engine_that_is_expected_and_silent_is_a_failure_and_nothing_is_removed(
    checkout: Checkout, kept: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    said = failure(checkout, *words, DOCKER="embedded", CACHE_DIR=str(tmp_path / "cache"))
    assert "nothing is removed, because cluster kind may be there" in said
    assert kept.exists()


def test_the_cause_of_its_silence_is_named(checkout: Checkout, kept: Path, tmp_path: Path) -> None:
    left = tmp_path / "left.sock"
    with closing(socket.socket(socket.AF_UNIX)) as stopped:
        stopped.bind(str(left))
    for address, cause in (
        (f"unix://{tmp_path}/none.sock", "there is no such socket"),
        (f"unix://{left}", "connection refused"),
        ("tcp://127.0.0.1:1", "no engine answers at tcp://127.0.0.1:1"),
        ("docker", "DOCKER_HOST: 'docker' is no address of a Docker engine"),
        (f"unix:///{'long' * 40}", "no engine answers"),
    ):
        assert cause in failure(checkout, "clean", DOCKER_HOST=address)
        assert kept.exists()


def failure(checkout: Checkout, *words: str, **environment: str) -> str:
    done = checkout.doit(*words, env=environment)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    return said


@WAYS
def test_where_nothing_was_ever_made_there_is_no_failure(
    checkout: Checkout, tmp_path: Path, words: tuple[str, ...]
) -> None:
    done = checkout.doit(*words, env={"DOCKER": "embedded", "CACHE_DIR": str(tmp_path / "cache")})
    assert done.returncode == 0, done.stdout + done.stderr
