"""`./doit` when the docker command points at an unusable engine: one line, before anything is made."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import Checkout

CASES: dict[str, tuple[Mapping[str, object] | str, Mapping[str, str], str]] = {
    "a context that is gone": ({"currentContext": "gone"}, {}, "docker context gone: not there"),
    "a damaged config": ("{", {}, "config.json: damaged"),
    "a context elsewhere": ({"currentContext": "far"}, {}, "(context far): runs on another machine"),
    "an address elsewhere": ({}, {"DOCKER_HOST": "tcp://192.0.2.1:2376"}, "(DOCKER_HOST): runs on another machine"),
    "ssh": ({}, {"DOCKER_HOST": "ssh://user@engine.example"}, "reached by ssh"),
    "no program for credentials": (
        {"credsStore": "nowhere"},
        {"BASE_FROM": "registry"},
        "docker-credential-nowhere, which is not installed",
    ),
}


def _docker_config(folder: Path, content: Mapping[str, object] | str) -> Path:
    """Write the settings folder of the docker command, with a context on another machine."""
    context = folder / "contexts" / "meta" / hashlib.sha256(b"far").hexdigest()
    context.mkdir(parents=True)
    facts = {"Name": "far", "Metadata": {}, "Endpoints": {"docker": {"Host": "tcp://192.0.2.1:2376"}}}
    (context / "meta.json").write_text(json.dumps(facts))
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "config.json").write_text(text)
    return folder


def test_an_engine_that_cannot_be_used_is_said_before_anything_is_made(checkout: Checkout, tmp_path: Path) -> None:
    for number, (content, environment, says) in enumerate(CASES.values()):
        folder = _docker_config(tmp_path / f"docker-{number}", content)
        cache = tmp_path / f"cache-{number}"
        env = {"DOCKER_CONFIG": str(folder), "CACHE_DIR": str(cache), "DOCKER": "host", **environment}
        done = checkout.doit("images", env=env)
        said = done.stdout + done.stderr
        assert done.returncode != 0, said
        assert "Traceback" not in said
        assert says in said
        assert not (cache / "engine").exists()
    status = checkout.doit("status", env=env)
    assert status.returncode == 0, status.stderr


@pytest.mark.parametrize("word", ["plan", "doctor"])
def test_plan_and_doctor_say_it_too(checkout: Checkout, tmp_path: Path, word: str) -> None:
    folder = _docker_config(tmp_path / "docker", {"currentContext": "gone"})
    env = {"DOCKER_CONFIG": str(folder), "CACHE_DIR": str(tmp_path / "cache"), "DOCKER": "host"}
    done = checkout.doit(word, env=env)
    assert done.returncode in {1, 2}, done.stdout
    assert "docker context gone: not there" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
