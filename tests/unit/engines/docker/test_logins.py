"""tasks.engines.docker.logins: the user's own `docker login`, wherever the docker command keeps it."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tasks.engines.docker import logins
from tasks.problems import Problem
from tasks.settings.credentials import Credentials
from tests.unit.programs import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.programs import Programs

HARBOR = "harbor.example:8443"
LOGIN = Credentials("robot$kind", "p: secret")
ENTRY = {"auth": base64.b64encode(b"robot$kind:p: secret").decode()}
KEPT = json.dumps({"ServerURL": HARBOR, "Username": LOGIN.user, "Secret": LOGIN.password})


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that writes the settings of the docker command."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    def configure(**settings: Any) -> None:
        (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")

    return configure


@pytest.mark.parametrize("name", [HARBOR, f"https://{HARBOR}", f"https://{HARBOR}/v2/"])
def test_a_login_in_the_file_is_found_under_each_of_its_names(configure: Callable[..., None], name: str) -> None:
    configure(auths={name: ENTRY})
    assert logins.of(HARBOR) == LOGIN
    assert LOGIN.password not in repr(logins.of(HARBOR))


@pytest.mark.parametrize("settings", [{"credsStore": "site"}, {"credHelpers": {HARBOR: "site"}}])
def test_a_program_that_keeps_the_login_is_asked_once(
    configure: Callable[..., None], programs: Programs, settings: dict[str, Any]
) -> None:
    configure(**settings)
    programs.put("docker-credential-site", KEPT)
    assert logins.of(HARBOR) == logins.of(HARBOR) == LOGIN
    assert programs.calls == [["docker-credential-site", "get"]]


def test_without_a_login_there_is_none_and_no_program_is_asked(
    configure: Callable[..., None], programs: Programs
) -> None:
    programs.put("docker-credential-site", KEPT)
    configure(auths={"other.example": ENTRY}, credHelpers={"other.example": "site"})
    assert logins.of(HARBOR) is None
    assert not programs.calls


@pytest.mark.usefixtures("configure")
def test_without_settings_there_is_none() -> None:
    assert logins.of(HARBOR) is None


def test_a_token_that_only_docker_can_use_is_no_login(configure: Callable[..., None], programs: Programs) -> None:
    configure(credsStore="site")
    programs.put("docker-credential-site", json.dumps({"Username": "<token>", "Secret": "token"}))
    assert logins.of(HARBOR) is None


def test_a_program_that_is_missing_or_fails_is_one_line(configure: Callable[..., None], programs: Programs) -> None:
    configure(credsStore="nowhere")
    with pytest.raises(Problem, match="docker-credential-nowhere, which is not installed"):
        logins.of(HARBOR)
    configure(credsStore="site")
    programs.put("docker-credential-site", Answer(err="the keyring is locked", code=1))
    with pytest.raises(Problem, match=r"config\.json: Credentials store error") as caught:
        logins.of(HARBOR)
    assert "\n" not in caught.value.message
    assert caught.value.hint == f"docker login {HARBOR}"
