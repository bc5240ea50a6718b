"""tasks.target.kubeconfig: one context of a kubeconfig, as a file that does not depend on where it is."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tasks.problems import Problem
from tasks.target import kubeconfig

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, user: dict[str, Any] | None = None, **cluster: str) -> Path:
    """Write a kubeconfig whose current context is not the one that is meant."""
    config = {
        "current-context": "decoy",
        "contexts": [
            {"name": "decoy", "context": {"cluster": "decoy", "user": "decoy"}},
            {"name": "theirs", "context": {"cluster": "c", "user": "u", "namespace": "n"}},
            {"name": "broken", "context": {"cluster": "nowhere", "user": "u"}},
        ],
        "clusters": [
            {"name": "decoy", "cluster": {"server": "https://decoy"}},
            {"name": "c", "cluster": {"server": "https://theirs", **cluster}},
        ],
        "users": [
            {"name": "decoy", "user": {"token": "secret of the decoy"}},
            {"name": "u", "user": user or {"token": "t"}},
        ],
    }
    file = folder / "config"
    file.write_text(yaml.safe_dump(config))
    return file


def test_only_the_named_context_is_kept(tmp_path: Path) -> None:
    found = kubeconfig.minified(written(tmp_path), "theirs")
    assert found["current-context"] == "theirs"
    assert kubeconfig.server(found) == "https://theirs"
    assert "decoy" not in kubeconfig.text(found)
    assert yaml.safe_load(kubeconfig.text(found)) == found


def test_certificates_are_embedded_and_files_that_change_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("CA")
    program = {"command": "./login", "apiVersion": "v1", "args": ["a"]}
    user = {"tokenFile": "token", "exec": program, "client-certificate": "ca.crt"}
    found = kubeconfig.minified(written(tmp_path, user, **{"certificate-authority": "ca.crt"}), "theirs")
    assert base64.b64decode(found["clusters"][0]["cluster"]["certificate-authority-data"]) == b"CA"
    kept = found["users"][0]["user"]
    assert kept["tokenFile"] == str(tmp_path / "token")
    assert kept["exec"] == {**program, "command": str(tmp_path / "login")}
    assert base64.b64decode(kept["client-certificate-data"]) == b"CA"


def test_a_program_in_the_path_keeps_its_name(tmp_path: Path) -> None:
    found = kubeconfig.minified(written(tmp_path, {"exec": {"command": "aws"}}), "theirs")
    assert found["users"][0]["user"] == {"exec": {"command": "aws"}}


@pytest.mark.parametrize(
    ("context", "says"),
    [
        ("nobodys", "TARGET_CONTEXT: .* has no context 'nobodys'; it has decoy, theirs, broken"),
        ("broken", "TARGET_KUBECONFIG: .* has no cluster 'nowhere'; it has decoy, c"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, context: str, says: str) -> None:
    with pytest.raises(Problem, match=says):
        kubeconfig.minified(written(tmp_path), context)


def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path) -> None:
    file = tmp_path / "config"
    with pytest.raises(Problem, match=r"TARGET_KUBECONFIG: .* is not there"):
        kubeconfig.minified(file, "theirs")
    file.write_text("- a list")
    with pytest.raises(Problem, match="is no kubeconfig"):
        kubeconfig.minified(file, "theirs")
    file.write_text("{")
    with pytest.raises(Problem, match="TARGET_KUBECONFIG"):
        kubeconfig.minified(file, "theirs")
    with pytest.raises(Problem, match=r"TARGET_KUBECONFIG: .*: No such file"):
        kubeconfig.minified(written(tmp_path, None, **{"certificate-authority": "none.crt"}), "theirs")
