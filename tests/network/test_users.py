"""Runs through sudo in a user's checkout, the user's own runs, and read-only checkouts: real users, real mounts."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.engines.files.checkout import copy_to

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME, UID, GID = "okuser", 54321, 54322
# Python may be in a place that only root can read: this user may read everything, but write only what others may.
AS_USER = ("setpriv", "--reuid", str(UID), "--regid", str(GID), "--clear-groups",
           "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")  # fmt: skip
SMALL_GRAPH = """
import os
import signal
from pathlib import Path
from tasks.runner import database
from tasks.runner.declare import Do
from tasks.engines.files import atomic as files
from tasks.runner import ownership
from tasks.problems import Problem
from tasks.runner.reporter import Reporter
from tasks.settings import parameters, paths

ownership.give_back_at_exit()
database.make_folder()
DOIT_CONFIG = {"backend": "openkasugai", "dep_file": str(paths.TASK_DATABASE), "reporter": Reporter, "verbosity": 2}

def make(end):
    files.write(paths.BUILD / "deep" / "made", "x")
    files.write(paths.WORK / "recording", "x")
    files.write(parameters.current().cache_dir / "downloads" / "file", "x")
    files.write(parameters.current().cache_dir / "engine" / "of-docker", "x")
    files.write(Path.home() / ".kube" / "config", "x")
    if end == "fails":
        raise Problem("no")
    if end == "stops":
        os.kill(os.getpid(), signal.SIGTERM)

def task_make():
    for end in ("succeeds", "fails", "stops"):
        yield {"name": end, "actions": [Do(make, end)]}
"""


@dataclass(frozen=True)
class Machine:
    """The checkout of a user whose account exists only in a mount namespace.

    Attributes:
        root: The checkout.
        home: The user's home.
        passwd: The accounts, including the user's.
    """

    root: Path
    home: Path
    passwd: Path

    def doit(self, *words: str, prefix: str = "", mount: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run `./doit` as root, or with `prefix` in front."""
        account = f"mount --bind {shlex.quote(str(self.passwd))} /etc/passwd"
        command = f"exec {prefix} {shlex.quote(str(self.root / 'doit'))} {shlex.join(words)}"
        return subprocess.run(
            ["/usr/bin/unshare", "--mount", "sh", "-ec", f"{account}\n{mount}\n{command}"],
            env={**os.environ, "HOME": str(self.home), "NODE_RUNTIME": "containerd", **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def user(self, *words: str, mount: str = "") -> subprocess.CompletedProcess[str]:
        """Run `./doit` as the user."""
        return self.doit(*words, prefix=shlex.join(AS_USER), mount=mount)

    def sudo(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `./doit` as root, as sudo does."""
        return self.doit(*words, SUDO_UID=str(UID), SUDO_GID=str(GID), SUDO_USER=NAME)

    def of_root(self, top: Path) -> set[str]:
        found = [top, *top.rglob("*")]
        return {path.relative_to(top).as_posix() for path in found if path.lstat().st_uid == 0}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that, unlike pytest's own, other users may enter."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def machine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    for name in ("XDG_CACHE_HOME", "KUBECONFIG", "CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    home, root, passwd = folder / "home", folder / "check out", folder / "passwd"
    home.mkdir()
    copy_to(root)
    passwd.write_text(f"{Path('/etc/passwd').read_text()}{NAME}:x:{UID}:{GID}::{home}:/bin/sh\n")
    subprocess.run(["/usr/bin/chown", "-hR", f"{UID}:{GID}", root, home], check=True)
    return Machine(root, home, passwd)


@pytest.mark.parametrize(("end", "code"), [("succeeds", 0), ("fails", 1), ("stops", 143)])
def test_what_root_made_by_sudo_is_the_users(machine: Machine, folder: Path, end: str, code: int) -> None:
    outside = folder / "outside"
    outside.mkdir()
    (outside / "file").touch()
    build = machine.root / "build"
    build.mkdir()
    (build / "away").symlink_to(outside)
    (build / "second-name").hardlink_to(outside / "file")
    (machine.root / "src" / "of-the-administrator").touch()
    (machine.root / "dodo.py").write_text(SMALL_GRAPH)

    done = machine.sudo(f"make:{end}")
    assert done.returncode == code, done.stdout + done.stderr
    assert (build / "deep" / "made").stat().st_gid == GID
    assert machine.of_root(machine.root) == {"src/of-the-administrator", "build/second-name"}
    assert machine.of_root(machine.home) == {
        ".cache/openkasugai-all-in-one/engine",
        ".cache/openkasugai-all-in-one/engine/of-docker",
    }
    assert (outside.stat().st_uid, (outside / "file").stat().st_uid) == (0, 0)


def test_nothing_changes_its_owner_in_roots_own_checkout(machine: Machine) -> None:
    subprocess.run(["/usr/bin/chown", "-hR", "0:0", machine.root], check=True)
    assert machine.sudo("parameters").returncode == 0
    assert (machine.root / "build").stat().st_uid == 0


def test_where_files_are_still_roots_one_line_gives_them_back(machine: Machine) -> None:
    assert machine.user("kind_config").returncode == 0
    subprocess.run(["/usr/bin/chown", "-hR", "0:0", machine.root / "build"], check=True)
    cure = f"Try: sudo chown -R {NAME}: '{machine.root}/build'"

    listed = machine.user("list")
    assert (listed.returncode, listed.stderr) == (0, "")
    answered = machine.user("parameters", "--json")
    assert answered.returncode == 0
    assert answered.stderr.splitlines()[:2] == ["build/doit.db: belongs to root, not to okuser", cure]
    for words, name in ((("kind_config",), "run.lock"), (("clean",), "run.lock"), (("run", "clean"), "run.lock")):
        done = machine.user(*words)
        assert done.returncode != 0
        assert done.stderr.splitlines() == [f"build/{name}: belongs to root, not to okuser", cure], words
    assert (machine.root / "build" / "cluster-kind" / "kind.yaml").exists()


def test_a_venv_that_is_still_roots_is_told_before_it_is_made_again(machine: Machine) -> None:
    venv = machine.root / ".venv"
    venv.unlink()
    (venv / "bin").mkdir(parents=True)
    done = machine.user("list")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (f"ERROR: {venv} belongs to root, not to okuser. Try: sudo chown -R okuser: '{venv}'\n")


def test_a_venv_that_root_makes_by_sudo_is_the_users(machine: Machine, folder: Path) -> None:
    """This also holds if pip fails half way; a stand-in for Python creates the folder."""
    (machine.root / ".venv").unlink()
    programs = folder / "programs"
    programs.mkdir()
    (programs / "python3").write_text(
        '#!/bin/sh\ncase "$*" in\n*ensurepip*) ;;\n'
        '*"-m venv"*) for folder; do :; done; mkdir -p "$folder/bin"; cp "$0" "$folder/bin/python" ;;\n'
        "*pip*) exit 1 ;;\nesac\n"
    )
    (programs / "python3").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    done = machine.doit("list", PATH=path, SUDO_UID=str(UID), SUDO_GID=str(GID))
    assert done.returncode == 3, done.stderr
    assert (machine.root / ".venv" / "bin" / "python").exists(), done.stderr
    assert machine.of_root(machine.root) == set()


@pytest.mark.parametrize("words", [("kind_config",), ("configure",), ("clean",)], ids=" ".join)
def test_a_read_only_checkout_is_one_line(machine: Machine, words: tuple[str, ...]) -> None:
    assert machine.user("kind_config").returncode == 0
    root = shlex.quote(str(machine.root))
    mount = f"mount --bind {root} {root}\nmount -o remount,bind,ro {root}"
    done = machine.user(*words, mount=mount)
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    (line, cure, *_) = (done.stderr or done.stdout.split("failed", 1)[1].partition("\n")[2]).splitlines()
    assert line.strip().endswith(": is on a read-only file system")
    assert cure.strip() == "Try: use a checkout on a disk that can be written to"


def test_a_read_only_checkout_without_a_build_folder_is_one_line(machine: Machine) -> None:
    root = shlex.quote(str(machine.root))
    done = machine.user("list", mount=f"mount --bind {root} {root}\nmount -o remount,bind,ro {root}")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        "ERROR: build: is on a read-only file system",
        "Try: use a checkout on a disk that can be written to",
    ]


def test_a_full_disk_is_one_line(machine: Machine) -> None:
    (machine.root / "build").mkdir()
    shutil.chown(machine.root / "build", UID, GID)
    build = shlex.quote(str(machine.root / "build"))
    full = f"mount -t tmpfs -o size=4k,uid={UID} none {build}\nhead -c 4096 /dev/zero >{build}/filler || :"
    done = machine.user("list", mount=full)
    assert (done.returncode, done.stdout) == (3, "")
    line, cure = done.stderr.splitlines()
    assert line.startswith("ERROR: build/doit.db: ")
    assert cure.startswith("Try: df -h ")
