"""The layers of the parameters: which value is in effect, and files that cannot be read."""

from __future__ import annotations

from pathlib import Path, PosixPath

import pytest

from tasks.problems import Problem
from tasks.settings.parameters import layers as parameters_layers
from tests.unit.settings.conftest import refusal, valid


def test_later_layers_win_and_origins_tell_which(root: Path) -> None:
    (root / "env" / "lab.env").write_text("IMG_TAG=profile\nGO_VERSION=1.2\nKIND_VERSION=v1.0.0\n")
    (root / ".env").write_text("# mine\n\nIMG_TAG=user\nexport GO_VERSION='1.3'\nPROFILE=lab\n")
    settings = parameters_layers.read(root, {"IMG_TAG": "environment"}).settings
    assert (settings["IMG_TAG"].value, settings["IMG_TAG"].origin) == ("environment", "environment")
    assert (settings["GO_VERSION"].value, settings["GO_VERSION"].origin) == ("1.3", ".env:4")
    assert (settings["KIND_VERSION"].value, settings["KIND_VERSION"].origin) == ("v1.0.0", "env/lab.env:3")
    assert settings["K8S_VERSION"].origin.startswith("env/defaults.env:")


def test_the_environment_chooses_the_profile_before_the_users_file(root: Path) -> None:
    (root / ".env").write_text("PROFILE=lab\n")
    assert valid(root).cni == "bridge"
    assert valid(root, PROFILE="physical").cni == "calico"


def test_an_unknown_profile_is_one_line_with_the_known_ones(root: Path) -> None:
    with pytest.raises(Problem, match=r"environment: PROFILE: 'labb' is not a profile") as raised:
        parameters_layers.read(root, {"PROFILE": "labb"})
    assert raised.value.hint == "PROFILE=lab or PROFILE=physical"


def test_a_line_that_is_no_assignment_is_named(root: Path) -> None:
    (root / ".env").write_text("IMG_TAG=1\nwhat is this\nK8S_VERSION\n")
    assert refusal(root) == [f".env:{line}: the line is not of the form NAME=value" for line in (2, 3)]


def test_a_file_that_is_no_text_is_named(root: Path) -> None:
    (root / ".env").write_bytes(b"IMG_TAG=\xff\xfe\n")
    with pytest.raises(Problem, match=r"\.env: not a UTF-8 text file"):
        parameters_layers.read(root, {})


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfIMG_TAG=mine\nCNI=bridge\n",
        b"IMG_TAG=mine\r\nCNI=bridge\r\n",
        b"export IMG_TAG=mine\nexport CNI=bridge",
    ],
    ids=["byte order mark", "CRLF", "export"],
)
def test_files_of_other_editors_and_shells_are_read(root: Path, content: bytes) -> None:
    (root / ".env").write_bytes(content)
    p = valid(root)
    assert (p.img_tag, p.cni) == ("mine", "bridge")


def test_a_folder_in_place_of_the_users_file_is_named(root: Path) -> None:
    (root / ".env").mkdir()
    with pytest.raises(Problem, match=r"\.env: is a folder, not a file") as raised:
        parameters_layers.read(root, {})
    assert raised.value.hint == f"mv {root}/.env {root}/.env.old"


class OfAnother(PosixPath):
    """A folder whose `.env` this user may not read; root may read any."""

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        if self.name == ".env":
            raise PermissionError(13, "Permission denied")
        return super().read_text(encoding, errors)


def test_a_file_that_the_user_may_not_read_is_named(root: Path) -> None:
    with pytest.raises(Problem, match=r"\.env: cannot be read by this user") as raised:
        parameters_layers.read(OfAnother(root), {})
    assert f"{root}/.env" in raised.value.hint


def test_a_dollar_sign_stays_as_it_is(root: Path) -> None:
    (root / ".env").write_text("NVIDIA_DRIVER_FILE=${HOME}.run\n")
    assert valid(root).nvidia_driver_file == "${HOME}.run"
