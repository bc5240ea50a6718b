"""Installs the buildx plugin, which Debian 12 lacks, from Debian's next release into a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tasks.engines.host import apt
from tasks.engines.programs import shell
from tasks.settings import parameters

PACKAGE = "docker-buildx"
_PLUGIN = Path("usr/libexec/docker/cli-plugins/docker-buildx")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# The first Debian release that has the plugin.
_SUITE = "trixie"


def provide(config: Path, work: Path) -> None:
    """Provide `docker buildx` to programs with DOCKER_CONFIG=`config`; the machine itself does not change.

    Args:
        config: Settings folder of the docker command.
        work: Folder for apt's lists and the package.
    """
    if _is_there(config):
        return
    if shutil.which("apt-get") is None:
        raise AssertionError(f"no buildx here. Try: sudo apt-get install {PACKAGE}")
    _download(work)
    package = next(work.glob(f"{PACKAGE}_*.deb"))
    shell.run(["dpkg-deb", "--extract", package, work / "package"])
    (config / "cli-plugins").mkdir(parents=True)
    shutil.copy(work / "package" / _PLUGIN, config / "cli-plugins")
    assert _is_there(config)


def _is_there(config: Path) -> bool:
    command = ["docker", "--config", str(config), "buildx", "version"]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ}).returncode == 0


def _download(work: Path) -> None:
    (work / "lists" / "partial").mkdir(parents=True)
    (work / "archives" / "partial").mkdir(parents=True)
    (work / "sources.list").write_text(f"{_source()}\n", encoding="utf-8")
    options = {
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": work / "lists",
        "Dir::Cache::archives": work / "archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
    }
    words = ["-q", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    shell.run(["apt-get", *words, "update"])
    shell.Command(["apt-get", *words, "download", PACKAGE], cwd=work).run()


def _source() -> str:
    """Return the apt source: the machine's own suite or, on Debian 12, the next release from the same mirror."""
    rows = [line.split(" ") for line in apt.sources(parameters.current().cache_dir)]
    word, uri, suite, part = next(row for row in rows if row[2] == apt.suite())
    signed_by = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
    return f"{word} {signed_by}{uri} {_SUITE if suite == 'bookworm' else suite} {part}"
