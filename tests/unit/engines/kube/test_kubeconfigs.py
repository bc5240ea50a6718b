"""tasks.engines.kube.kubeconfigs: which files kind writes to, and what would keep it from doing so."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tasks.engines.kube import kubeconfigs
from tasks.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENTRY = "clusters:\n- {name: kind-ours, cluster: {server: https://127.0.0.1:1}}\ncurrent-context: kind-ours\n"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's only kubeconfig, which does not exist yet."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kube" / "config"))
    (tmp_path / "kube").mkdir()
    return tmp_path / "kube" / "config"


def lock(file: Path, age: float) -> None:
    held = file.with_name(f"{file.name}.lock")
    held.touch(0)
    os.utime(held, (time.time() - age,) * 2)


@pytest.mark.parametrize(
    ("given", "home", "expected"),
    [
        ("/one:/two", "/home/user", ["/one", "/two"]),
        ("/one::/two:/one:", "/home/user", ["/one", "/two"]),
        ("", "/home/user", ["/home/user/.kube/config"]),
        (":", "/home/user", ["/home/user/.kube/config"]),
        ("", "", [".kube/config"]),
    ],
)
def test_the_users_kubeconfigs_are_those_that_kubectl_reads(
    monkeypatch: pytest.MonkeyPatch, given: str, home: str, expected: list[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", given)
    monkeypatch.setenv("HOME", home)
    assert [str(path) for path in kubeconfigs.files()] == expected


def test_kind_writes_to_the_first_that_exists_or_to_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    monkeypatch.setenv("KUBECONFIG", f"{one}:{two}:{three}")
    one.mkdir()
    assert kubeconfigs.target() == three
    two.touch()
    assert kubeconfigs.target() == two
    monkeypatch.setenv("KUBECONFIG", str(one))
    assert kubeconfigs.target() == one


@pytest.mark.parametrize("text", [None, "", "# empty\n", ENTRY, "apiVersion: v1\nclusters: null\nusers: []\n", "{}"])
def test_what_kind_can_write_to_is_no_obstacle(file: Path, text: str | None) -> None:
    if text is not None:
        file.write_text(text)
    assert kubeconfigs.obstacle(file) is None
    kubeconfigs.require_writable()
    assert sorted(path.name for path in file.parent.iterdir()) == ([file.name] if text is not None else [])


@pytest.mark.parametrize(
    "text",
    [
        b"clusters: [",
        b"clusters: {}{",
        b"just words",
        b"- a list",
        b"clusters: words",
        b"contexts: [words]",
        b"users: []\nusers: []\n",
        b"users:\n\t- a tab",
        b"\xff\xfe",
        b"a: \x00",
    ],
)
def test_a_damaged_file_is_one_line_with_a_way_out(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    with pytest.raises(Problem, match=f"^kubeconfig: {file}: damaged: ") as caught:
        kubeconfigs.require_writable()
    assert "\n" not in caught.value.message
    assert caught.value.hint == f"mv {file} {file}.damaged, or mend it"
    assert file.read_bytes() == text


def test_a_lock_that_a_killed_kind_left_is_told_from_one_in_use(file: Path) -> None:
    lock(file, 3 * 60)
    with pytest.raises(Problem, match=r"config\.lock: a killed kind or kubectl left this lock 3 minutes ago") as caught:
        kubeconfigs.require_writable()
    assert caught.value.hint == f"rm -f {file}.lock"
    lock(file, 0)
    assert kubeconfigs.obstacle(file) is None
    holder = threading.Timer(0.05, file.with_name("config.lock").unlink)
    holder.start()
    kubeconfigs.require_writable()
    holder.join()


def folder_in_its_place(file: Path) -> str:
    file.mkdir()
    return f"{file}: is a folder"


def file_above(file: Path) -> str:
    file.parent.rmdir()
    file.parent.touch()
    return f"{file.parent} is not a folder"


def pipe(file: Path) -> str:
    os.mkfifo(file)
    return f"{file}: is not a regular file"


def loop(file: Path) -> str:
    file.symlink_to(file.name)
    return f"{file}: is a link to itself"


def dangling(file: Path) -> str:
    file.symlink_to("/nowhere/config")
    return f"{file}: is a link into /nowhere, which is not there"


@pytest.mark.parametrize("spoil", [folder_in_its_place, file_above, pipe, loop, dangling])
def test_what_is_no_file_is_one_line(file: Path, spoil: Callable[[Path], str]) -> None:
    said = spoil(file)
    with pytest.raises(Problem, match=f"^kubeconfig: .*{said}") as caught:
        kubeconfigs.require_writable()
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_nobody_expands_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "~/.kube/my config")
    with pytest.raises(Problem, match="nothing expands ~ in KUBECONFIG") as caught:
        kubeconfigs.require_writable()
    assert caught.value.hint == "export KUBECONFIG=\"$HOME\"/'.kube/my config'"


def test_a_link_to_a_file_that_is_not_there_yet_is_written_through(file: Path) -> None:
    file.symlink_to("other")
    assert kubeconfigs.obstacle(file) is None


def test_only_the_files_that_name_a_cluster_matter_to_its_removal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {"ours": ENTRY, "damaged": "clusters: [", "longer": ENTRY.replace("kind-ours", "kind-ours-too")}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        lock(tmp_path / name, 60)
    monkeypatch.setenv("KUBECONFIG", ":".join(str(tmp_path / name) for name in (*texts, "absent")))
    assert kubeconfigs.naming("ours") == [tmp_path / "ours"]
    with pytest.raises(Problem, match=r"ours\.lock: a killed kind or kubectl left this lock"):
        kubeconfigs.require_removable("ours")
    (tmp_path / "ours.lock").unlink()
    kubeconfigs.require_removable("ours")
