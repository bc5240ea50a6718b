"""tasks.registry.docker_trust: whose files in Docker's folder of trusted CAs are written and removed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tasks import lack as lacks
from tasks.problems import Problem
from tasks.registry import docker_trust, pki
from tasks.registry.docker_trust import Trust
from tasks.settings import paths
from tasks.settings import registry as table

HOST = "192.0.2.1"


@pytest.fixture(scope="module")
def cas(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("cas")
    return [pki.ensure_ca(folder / name, name).certificate.read_bytes() for name in ("harbor", "other")]


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trust:
    """A checkout's trust, below an existing folder; everything may be done as root."""
    (tmp_path / "docker").mkdir()
    sudo = tmp_path / "bin" / "sudo"
    sudo.parent.mkdir()
    sudo.write_text('#!/bin/sh\nshift\nexec "$@"\n', encoding="utf-8")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sudo.parent}{os.pathsep}{os.environ['PATH']}")
    return Trust(HOST, lambda: "unix:///var/run/docker.sock", paths.ROOT, tmp_path / "docker" / "certs.d")


def folder_of(trust: Trust) -> Path:
    """Return the folder of the registry."""
    return trust.folder / trust.host


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def own(trust: Trust) -> Path:
    return folder_of(trust) / trust.own_name


def test_what_is_put_there_is_trusted_and_goes_with_its_folders(trust: Trust, cas: list[bytes]) -> None:
    assert trust.lack(lambda: cas[0]) == lacks.of(f"{folder_of(trust)}: does not hold the registry's CA")
    trust.put(cas[0])
    assert not trust.lack(lambda: cas[0])
    assert str(paths.ROOT) in own(trust).read_text(encoding="utf-8")
    trust.remove(None)
    assert names(trust.folder.parent) == []


@pytest.mark.parametrize("name", ["ca.crt", "client.cert", "of-somebody.crt"])
def test_files_of_others_stay_as_they_are(trust: Trust, cas: list[bytes], name: str) -> None:
    folder_of(trust).mkdir(parents=True)
    (folder_of(trust) / name).write_bytes(cas[1])
    trust.put(cas[0])
    trust.put(cas[1] + cas[0])
    trust.remove(cas[0])
    assert names(folder_of(trust)) == [name]
    assert (folder_of(trust) / name).read_bytes() == cas[1]


def test_an_empty_folder_that_was_there_before_stays(trust: Trust, cas: list[bytes]) -> None:
    folder_of(trust).mkdir(parents=True)
    trust.put(cas[0])
    trust.remove(cas[0])
    assert names(folder_of(trust)) == []


def test_a_ca_that_an_administrator_trusts_already_is_not_put_there_again(trust: Trust, cas: list[bytes]) -> None:
    folder_of(trust).mkdir(parents=True)
    (folder_of(trust) / "ca.crt").write_bytes(cas[1] + b"# and\r\n" + cas[0].replace(b"\n", b"\r\n"))
    trust.put(cas[0])
    trust.put(cas[0] + cas[1])
    assert names(folder_of(trust)) == ["ca.crt"]


def test_a_new_ca_takes_the_place_of_the_one_before(trust: Trust, cas: list[bytes]) -> None:
    trust.put(cas[0])
    trust.put(cas[1])
    assert not docker_trust.holds(folder_of(trust), cas[0])
    trust.remove(cas[1])
    assert names(trust.folder.parent) == []


def test_checkouts_do_not_take_each_others_trust_away(trust: Trust, cas: list[bytes]) -> None:
    elsewhere = replace(trust, checkout=Path("/home/user/日本 checkout"))
    trust.put(cas[0])
    elsewhere.put(cas[1])
    assert len(names(folder_of(trust))) == 2
    trust.remove(cas[0])
    assert docker_trust.holds(folder_of(trust), cas[1])
    elsewhere.remove(None)
    assert names(trust.folder.parent) == [], "the last one takes the folders that the first one made"


def test_the_registry_before_an_address_changed_is_cleaned_too(trust: Trust, cas: list[bytes]) -> None:
    trust.put(cas[0])
    replace(trust, host="192.0.2.2").put(cas[0])
    assert len(names(trust.folder)) == 2
    replace(trust, host="127.0.0.1:15443").remove(None)
    assert names(trust.folder.parent) == []


def test_a_file_of_our_name_by_somebody_else_is_one_line(trust: Trust, cas: list[bytes]) -> None:
    folder_of(trust).mkdir(parents=True)
    own(trust).write_bytes(cas[1])
    with pytest.raises(Problem, match="not written by this tool") as caught:
        trust.put(cas[0])
    assert "\n" not in caught.value.message
    trust.remove(cas[0])
    assert own(trust).read_bytes() == cas[1]


@pytest.mark.parametrize(("added", "stays"), [(b"", False), (b"# and a line of the administrator\n", True)])
def test_a_file_of_an_earlier_version_goes_only_as_it_was_written(
    trust: Trust, cas: list[bytes], added: bytes, *, stays: bool
) -> None:
    folder_of(trust).mkdir(parents=True)
    (folder_of(trust) / "ca.crt").write_bytes(table.EARLIER_TRUST_MARK.encode() + cas[0] + added)
    trust.put(cas[0])
    trust.remove(None)
    trust.remove(cas[1])
    assert names(folder_of(trust)) == ["ca.crt"]
    trust.remove(cas[0])
    assert (names(folder_of(trust)) == ["ca.crt"]) is stays


@pytest.mark.parametrize(("host", "engine"), [("127.0.0.1:15443", "unix:///x"), (HOST, "tcp://192.0.2.9:2376")])
def test_what_docker_trusts_as_it_is_and_files_of_another_machine_are_left_alone(
    trust: Trust, cas: list[bytes], host: str, engine: str
) -> None:
    other = replace(trust, host=host, engine=lambda: engine)
    assert other.file() is None
    other.put(cas[0])
    assert not other.lack(lambda: cas[0])
    assert not trust.folder.exists()
