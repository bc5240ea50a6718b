"""The table that a user sees, and the file that `configure` writes."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from tasks.parameter_table import show as actions
from tasks.problems import Problem
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.conftest import Lines


@pytest.fixture(autouse=True)
def root(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROFILE", "physical")
    return clone


def test_the_table_has_every_parameter_with_value_origin_and_meaning(root: Path, said: Lines) -> None:
    (root / ".env").write_text("IMG_TAG=mine\n")
    actions.show()
    rows = {line.split()[0]: line for line in said.kept[0].splitlines() if line.startswith("  ")}
    assert list(rows) == [declaration.name for declaration in layers.read(root, {}).declarations]
    assert "mine" in rows["IMG_TAG"]
    assert ".env:1" in rows["IMG_TAG"]
    assert rows["IMG_TAG"].endswith("Tag of the node images that are built.")


def test_json_has_the_same_rows(said: Lines) -> None:
    actions.show(as_json=True)
    rows = json.loads(said.kept[0])
    assert {"name", "value", "origin", "meaning", "group", "default"} == set(rows[0])
    assert next(row for row in rows if row["name"] == "K8S_VERSION")["value"] == "v1.31.0"


def test_a_wrong_parameter_is_told_after_the_table(root: Path, said: Lines) -> None:
    (root / ".env").write_text("K8S_VERSION=1\n")
    with pytest.raises(Problem, match=r"\.env:1: K8S_VERSION"):
        actions.show()
    assert "K8S_VERSION" in said.kept[0]


def test_configure_writes_the_whole_table_with_the_values_that_hold(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROFILE", "lab")
    monkeypatch.setenv("IMG_TAG", "from-environment")
    expected = layers.read(root, {"PROFILE": "lab", "IMG_TAG": "from-environment"}).values()
    actions.configure()
    written = {setting.name: setting.value for setting in layers.read_file(root / ".env", root)}
    assert written == expected
    text = (root / ".env").read_text()
    assert "\n### Registries\n# Registry and path that hold" in text
    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o644


def test_configure_again_changes_nothing(root: Path) -> None:
    actions.configure()
    before = (root / ".env").stat()
    actions.configure()
    after = (root / ".env").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_configure_adds_what_is_missing_and_keeps_the_users_text(root: Path) -> None:
    mine = "# my server\nexport IMG_TAG='22.04.5'  # keep\nHTTP_PROXY=http://p\n\n#K8S_VERSION=v9.9.9\nSRIOV_NUM_VFS=4"
    (root / ".env").write_text(mine)
    (root / ".env").chmod(0o600)
    actions.configure()
    text = (root / ".env").read_text()
    assert text.startswith(f"{mine}\n\n### Profile\n")
    assert text.count("IMG_TAG=") == 1
    assert text.count("SRIOV_NUM_VFS=") == 1
    assert "\nK8S_VERSION=v1.31.0\n" in text
    assert stat.S_IMODE((root / ".env").stat().st_mode) == 0o600
    assert [file.name for file in root.glob(".env*")] == [".env"]


def test_configure_keeps_the_line_ends_of_another_system(root: Path) -> None:
    mine = b"\xef\xbb\xbf# mine\r\nIMG_TAG=mine\r\n"
    (root / ".env").write_bytes(mine)
    actions.configure()
    content = (root / ".env").read_bytes()
    assert content.startswith(mine)
    assert content.count(b"\r\n") == content.count(b"\n")
    assert layers.read(root, {}).settings["IMG_TAG"].value == "mine"


def test_a_name_that_does_nothing_is_told_after_the_table(root: Path, said: Lines) -> None:
    (root / ".env").write_text("HTTPS_PROXY=http://p\n")
    actions.show()
    assert said.kept[1].startswith(".env:1: HTTPS_PROXY: does nothing here")
    said.kept.clear()
    actions.show(as_json=True)
    assert len(said.kept) == 1


def test_configure_adds_a_parameter_that_a_later_version_has(root: Path) -> None:
    actions.configure()
    before = (root / ".env").read_text()
    with (root / "env" / "defaults.env").open("a") as table:
        table.write("\n### Later\n# Something that a later version has.\nLATER=a b\n")
    actions.configure()
    assert (root / ".env").read_text() == f"{before}\n### Later\n# Something that a later version has.\nLATER='a b'\n"


@pytest.mark.parametrize("value", ["a b", "it's", "back\\slash", "#x", "a$b", "", 'quo"te', "é"])
def test_configure_writes_values_that_read_back(root: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("NVIDIA_DRIVER_FILE", value)
    actions.configure()
    monkeypatch.delenv("NVIDIA_DRIVER_FILE")
    assert layers.read(root, {}).settings["NVIDIA_DRIVER_FILE"].value == value


def test_configure_follows_a_link_instead_of_replacing_it(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    real = tmp_path_factory.mktemp("home") / "settings"
    (root / ".env").symlink_to(real)
    actions.configure()
    assert (root / ".env").is_symlink()
    assert "K8S_VERSION" in real.read_text()
