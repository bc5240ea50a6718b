"""Credentials that expire, on a real API server: they are read anew once it no longer accepts them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tasks.engines.kube import manifests
from tasks.engines.kube.api import Kube
from tasks.engines.kube.calls import Refused

if TYPE_CHECKING:
    from pathlib import Path

API = "client.authentication.k8s.io/v1"
LOGIN = """#!/bin/sh
echo called >> {folder}/calls
token=$(head -n 1 {folder}/tokens)
sed -i '1{{$!d}}' {folder}/tokens
printf '{{"apiVersion": "{api}", "kind": "ExecCredential", "status": {{"token": "%s"}}}}' "$token"
"""


def with_program(kubeconfig: Path, folder: Path, *tokens: str) -> Path:
    """Return a kubeconfig whose program gives these tokens, one at each call, and then the last one again."""
    config: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
    (folder / "tokens").write_text("".join(f"{token}\n" for token in tokens))
    program = folder / "login"
    program.write_text(LOGIN.format(folder=folder, api=API))
    program.chmod(0o700)
    config["users"][0]["user"] = {
        "exec": {"apiVersion": API, "command": str(program), "interactiveMode": "Never"},
    }
    made = folder / "kubeconfig"
    made.write_text(json.dumps(config))
    return made


def token_of(kubeconfig: Path) -> str:
    return str(yaml.safe_load(kubeconfig.read_text())["users"][0]["user"]["token"])


def calls(folder: Path) -> int:
    return (folder / "calls").read_text().count("called")


def test_a_token_that_has_expired_is_replaced_once(kubeconfig: Path, api: Kube, tmp_path: Path) -> None:
    guest = Kube(with_program(kubeconfig, tmp_path, "expired", token_of(kubeconfig)))
    assert calls(tmp_path) == 1
    assert guest.get(manifests.NAMESPACE, "default")
    guest.apply([manifests.config_map("renewed", "default", {})])
    assert api.get(manifests.CONFIG_MAP, "renewed", "default")
    assert calls(tmp_path) == 2
    api.delete(manifests.CONFIG_MAP, "renewed", "default")


def test_threads_that_are_refused_together_ask_once(kubeconfig: Path, tmp_path: Path) -> None:
    guest = Kube(with_program(kubeconfig, tmp_path, "expired", token_of(kubeconfig)))
    kinds = (manifests.NAMESPACE, manifests.CONFIG_MAP, manifests.SERVICE, manifests.NODE, manifests.POD)
    assert len(guest.lists(*kinds)) == len(kinds)
    assert calls(tmp_path) == 2


@pytest.mark.usefixtures("api")
def test_a_token_that_stays_wrong_is_refused(kubeconfig: Path, tmp_path: Path) -> None:
    guest = Kube(with_program(kubeconfig, tmp_path, "wrong", "wrong"))
    with pytest.raises(Refused, match="Unauthorized"):
        guest.get(manifests.NAMESPACE, "default")
    assert calls(tmp_path) == 2
