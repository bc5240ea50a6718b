"""Facts about the machine that runs the tests, and about small recorded machines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.engines.host.facts import Host

if TYPE_CHECKING:
    import pytest


def test_this_machine_has_what_every_linux_has() -> None:
    host = Host()
    assert host.cores >= 1
    assert host.memory > host.available_memory > 10**7
    assert host.kernel == os.uname().release
    assert host.release["ID"]
    free, total = host.disk(Path("/there/is/no/such/folder"))
    assert 0 < free <= total


def test_an_empty_machine_has_nothing_and_does_not_fail(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    host = Host(tmp_path)
    assert (host.cores, host.memory, host.swaps, host.kernel, dict(host.release)) == (0, 0, (), "", {})
    assert host.available_memory == 0
    assert host.listening == frozenset()
    assert host.inotify_instances == 0
    assert host.devices("10de", "03") == []
    assert host.function("0000:17:00.0") is None
    assert host.function_of("ens9f0np0") is None


def test_inotify_instances_of_a_user_are_counted(tmp_path: Path) -> None:
    for process, user in ((7, os.geteuid()), (9, os.geteuid()), (11, os.geteuid() + 1)):
        folder = tmp_path / "proc" / str(process)
        (folder / "fd").mkdir(parents=True)
        (folder / "status").write_text(f"Name:\tsystemd\nUid:\t{user}\t{user}\t{user}\t{user}\n")
        (folder / "fd" / "3").symlink_to("/dev/null")
        (folder / "fd" / "4").symlink_to("anon_inode:inotify")
    assert Host(tmp_path).inotify_instances == 2


def test_proxies_of_the_environment_are_honoured_with_their_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    host = Host()
    assert not host.is_proxied("http://192.168.10.100/")
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    assert host.is_proxied("http://192.168.10.100/")
    assert not host.is_proxied("https://192.168.10.100/")
    monkeypatch.setenv("no_proxy", "192.168.10.0/24")
    assert not host.is_proxied("http://192.168.10.100/")


def test_a_program_that_is_missing_or_fails_does_not_succeed() -> None:
    host = Host()
    assert host.succeeds(["true"])
    assert not host.succeeds(["false"])
    assert not host.succeeds(["there-is-no-such-program"])


def test_a_file_that_is_not_there_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    assert Host(tmp_path).has_access("/there")
    assert not Host(tmp_path).has_access("/absent")
