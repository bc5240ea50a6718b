"""tasks.registry.docker_trust: whose files in Docker's folder of trust are written and removed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks import lack as lacks
from tasks.engines.docker import client
from tasks.problems import Problem
from tasks.registry import client as registry_client
from tasks.registry import docker_trust, pki
from tasks.settings import paths
from tasks.settings import registry as table

HOST = "192.0.2.1"


@pytest.fixture(scope="module")
def cas(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("cas")
    return [pki.ensure_ca(folder / name, name).certificate.read_bytes() for name in ("harbor", "other")]


@pytest.fixture
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the registry, below one that is there already; root is this user."""
    (tmp_path / "docker").mkdir()
    monkeypatch.setattr(table, "DOCKER_TRUST", tmp_path / "docker" / "certs.d")
    monkeypatch.setattr(registry_client, "push_address", lambda: f"{HOST}/images")
    monkeypatch.setattr(client, "host_url", lambda: "unix:///var/run/docker.sock")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path / "docker" / "certs.d" / HOST


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def own(folder: Path) -> Path:
    return folder / docker_trust.own_name()


def test_what_is_put_there_is_trusted_and_goes_with_its_folders(trust: Path, cas: list[bytes]) -> None:
    assert docker_trust.lack(lambda: cas[0]) == lacks.of(f"{trust}: does not hold the registry's CA")
    docker_trust.put(cas[0])
    assert not docker_trust.lack(lambda: cas[0])
    assert str(paths.ROOT) in own(trust).read_text(encoding="utf-8")
    docker_trust.remove(None)
    assert names(trust.parents[1]) == []


@pytest.mark.parametrize("name", ["ca.crt", "client.cert", "of-somebody.crt"])
def test_files_of_others_stay_as_they_are(trust: Path, cas: list[bytes], name: str) -> None:
    trust.mkdir(parents=True)
    (trust / name).write_bytes(cas[1])
    docker_trust.put(cas[0])
    docker_trust.put(cas[1] + cas[0])
    docker_trust.remove(cas[0])
    assert names(trust) == [name]
    assert (trust / name).read_bytes() == cas[1]


def test_an_empty_folder_that_was_there_before_stays(trust: Path, cas: list[bytes]) -> None:
    trust.mkdir(parents=True)
    docker_trust.put(cas[0])
    docker_trust.remove(cas[0])
    assert names(trust) == []


def test_a_ca_that_an_administrator_trusts_already_is_not_put_there_again(trust: Path, cas: list[bytes]) -> None:
    trust.mkdir(parents=True)
    (trust / "ca.crt").write_bytes(cas[1] + b"# and\r\n" + cas[0].replace(b"\n", b"\r\n"))
    docker_trust.put(cas[0])
    docker_trust.put(cas[0] + cas[1])
    assert names(trust) == ["ca.crt"]


def test_a_new_ca_takes_the_place_of_the_one_before(trust: Path, cas: list[bytes]) -> None:
    docker_trust.put(cas[0])
    docker_trust.put(cas[1])
    assert not docker_trust.holds(trust, cas[0])
    docker_trust.remove(cas[1])
    assert names(trust.parents[1]) == []


def test_checkouts_do_not_take_each_others_trust_away(
    trust: Path, cas: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_trust.put(cas[0])
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(paths, "ROOT", Path("/home/user/日本 checkout"))
        docker_trust.put(cas[1])
        assert len(names(trust)) == 2
    docker_trust.remove(cas[0])
    assert docker_trust.holds(trust, cas[1])
    monkeypatch.setattr(paths, "ROOT", Path("/home/user/日本 checkout"))
    docker_trust.remove(None)
    assert names(trust.parents[1]) == [], "the last one takes the folders that the first one made"


def test_the_registry_before_an_address_changed_is_cleaned_too(
    trust: Path, cas: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    docker_trust.put(cas[0])
    monkeypatch.setattr(registry_client, "push_address", lambda: "192.0.2.2/images")
    docker_trust.put(cas[0])
    assert len(names(trust.parent)) == 2
    monkeypatch.setattr(registry_client, "push_address", lambda: "127.0.0.1:15443/images")
    docker_trust.remove(None)
    assert names(trust.parents[1]) == []


def test_a_file_of_our_name_by_somebody_else_is_one_line(trust: Path, cas: list[bytes]) -> None:
    trust.mkdir(parents=True)
    own(trust).write_bytes(cas[1])
    with pytest.raises(Problem, match="not written by this tool") as caught:
        docker_trust.put(cas[0])
    assert "\n" not in caught.value.message
    docker_trust.remove(cas[0])
    assert own(trust).read_bytes() == cas[1]


@pytest.mark.parametrize(("added", "stays"), [(b"", False), (b"# and a line of the administrator\n", True)])
def test_a_file_of_an_earlier_version_goes_only_as_it_was_written(
    trust: Path, cas: list[bytes], added: bytes, *, stays: bool
) -> None:
    trust.mkdir(parents=True)
    (trust / "ca.crt").write_bytes(table.EARLIER_TRUST_MARK.encode() + cas[0] + added)
    docker_trust.put(cas[0])
    docker_trust.remove(None)
    docker_trust.remove(cas[1])
    assert names(trust) == ["ca.crt"]
    docker_trust.remove(cas[0])
    assert (names(trust) == ["ca.crt"]) is stays
