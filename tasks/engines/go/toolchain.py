"""Which Go compiles here, and its environment: the pinned toolchain, isolated from the user's own Go settings."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import stat
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.engines.files import atomic, download
from tasks.engines.files.lock import alone, part_of
from tasks.engines.programs import shell
from tasks.problems import Problem
from tasks.settings import artifacts

if TYPE_CHECKING:
    from tasks.engines.go.settings import GoSettings

# The first Go that fetches another toolchain if GOTOOLCHAIN names one.
_FIRST_SWITCHING = (1, 21)
# What a machine without Go starts with: the newest version whose checksum is pinned.
OWN = list(artifacts.TOOLCHAIN_SHA256)[-1]
# The variables that affect the result of a build (`go help environment`). They come neither from the environment nor,
# because of GOENV=off, from `go env -w`. They are the same for every build, and part of the digest that names it.
FENCE = {
    "GOENV": "off",
    "GOOS": "linux",
    "GOARCH": "amd64",
    "GOAMD64": "v1",
    "GOEXPERIMENT": "",
    "GOFIPS140": "off",
    "GODEBUG": "",
    "GOROOT": "",
    "GO111MODULE": "on",
    "GOWORK": "off",
    "GOFLAGS": "-mod=readonly -modcacherw -trimpath -buildvcs=false",
    "GOCACHEPROG": "",
    "GO_EXTLINK_ENABLED": "",
    "CGO_ENABLED": "0",
    **{f"CGO_{kind}FLAGS": "" for kind in ("C", "CPP", "CXX", "F", "LD")},
}
# The environment in which an installed Go is asked for its user's settings, which are in the file that GOENV names.
_ASKING = {**{name: value for name, value in FENCE.items() if name != "GOENV"}, "GOTOOLCHAIN": "local"}
# Where modules come from and how they are verified: the user's own settings apply, including those of `go env -w`.
_PROXIES = "GOPROXY"
_SOURCES = ("GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS")
_ASKED = (_PROXIES, *_SOURCES)


def environment(settings: GoSettings) -> dict[str, str]:
    """Return the variables of every go command except GOTOOLCHAIN; the caches are the tool's own."""
    cache = _cache(settings)
    # GOPATH holds the answers of the checksum database.
    folders = {"GOMODCACHE": cache / "mod", "GOCACHE": build_cache(settings), "GOPATH": cache / "path"}
    return {
        **FENCE,
        **sources(),
        "GOPROXY": proxies(settings),
        **{name: str(folder) for name, folder in folders.items()},
    }


def build_cache(settings: GoSettings) -> Path:
    """Return the folder of what is compiled already, with or without a C compiler."""
    return _cache(settings) / "build"


def sources() -> dict[str, str]:
    """Return the variables for the origin of modules, from the environment or from an installed Go's `go env -w`."""
    said = _said()
    return {name: value for name in _SOURCES if (value := os.environ.get(name) or said.get(name, ""))}


def proxies(settings: GoSettings) -> str:
    """Return the module proxies from the environment or an installed Go's own settings, or else GO_PROXY."""
    return os.environ.get(_PROXIES) or _said().get(_PROXIES) or settings.go_proxy


def used(settings: GoSettings) -> str:
    """Return the version of the Go that compiles here, as Go writes it (`go1.23.0`), without using the network.

    It is the wanted version, or that of an installed Go that replaces it because it could not be fetched.
    """
    wanted, installed = _wanted(settings), shutil.which("go")
    if installed is None or _fetched(settings).is_dir() or _release(installed) < _FIRST_SWITCHING:
        return wanted
    return _says(installed) if _remembers(settings, _refusal(settings, installed)) else wanted


def is_settled(settings: GoSettings) -> bool:
    """Return whether the Go that compiles is known and there, so that nothing has to be fetched."""
    if used(settings) != _wanted(settings) or _fetched(settings).is_dir():
        return True
    installed = shutil.which("go")
    here = _cache(settings) / "toolchain" / _wanted(settings)
    return here.is_dir() or (installed is not None and _says(installed) == _wanted(settings))


@functools.cache
def choose(settings: GoSettings) -> tuple[Path, str]:
    """Return a go command and the GOTOOLCHAIN that makes it the wanted version; fetch that if necessary.

    If an installed Go cannot fetch the wanted version, it is used as it is, and this is reported.

    Args:
        settings: Which version is wanted, where it comes from and where it is kept.

    Raises:
        Problem: There is no installed Go, and the wanted version cannot be fetched.
    """
    wanted = _wanted(settings)
    installed = shutil.which("go")
    if installed is None or _release(installed) < _FIRST_SWITCHING:
        return _without_go(settings)
    if _switch(installed, settings).returncode == 0:
        return Path(installed), wanted
    progress.line(f"{wanted} cannot be fetched from the module proxy: building with the installed {_says(installed)}")
    atomic.write(_memory(settings), json.dumps(_refusal(settings, installed)))
    return Path(installed), "local"


def _cache(settings: GoSettings) -> Path:
    return settings.cache_dir / "go"


def _wanted(settings: GoSettings) -> str:
    return f"go{settings.go_version}"


def _fetched(settings: GoSettings) -> Path:
    """Return the folder of a fetched toolchain, in the layout of https://go.dev/ref/mod#module-cache."""
    return _cache(settings) / "mod" / "golang.org" / f"toolchain@v0.0.1-{_wanted(settings)}.linux-amd64"


def _memory(settings: GoSettings) -> Path:
    return _cache(settings) / "answers" / f"{_wanted(settings)}.json"


def _refusal(settings: GoSettings, installed: str) -> dict[str, Any]:
    """Return what a failure to fetch the toolchain depends on; it is remembered as long as this stays the same."""
    return {"instead": _says(installed), "proxies": proxies(settings), "sources": sources()}


def _remembers(settings: GoSettings, refusal: dict[str, Any]) -> bool:
    try:
        return bool(json.loads(_memory(settings).read_text(encoding="utf-8")) == refusal)
    except (OSError, ValueError):
        return False


def _make_removable(toolchain: Path, cache: Path) -> None:
    """Let the owner delete the module cache: a toolchain, and what was fetched without -modcacherw, is read-only."""
    if not toolchain.is_dir() or toolchain.stat().st_mode & stat.S_IWUSR:
        return
    # The toolchain's own folder comes last: if this is interrupted earlier, the next run does it again.
    folders = [Path(root) for root, _, _ in os.walk(cache / "mod")]
    for folder in sorted(folders, key=lambda folder: folder == toolchain):
        _grant(folder)


def _grant(folder: Path) -> None:
    """Let the owner write to a folder, unless it belongs to another user."""
    try:
        status = folder.stat()
        if not status.st_mode & stat.S_IWUSR and os.geteuid() in {0, status.st_uid}:
            folder.chmod(status.st_mode | stat.S_IWUSR)
    except FileNotFoundError:
        return  # another go command has removed it


def _said() -> dict[str, str]:
    """Return an installed Go's own settings; none without Go."""
    installed = shutil.which("go")
    return _settings(installed, tuple(os.environ.get(name, "") for name in _ASKED)) if installed else {}


@functools.cache
def _settings(installed: str, _environment: tuple[str, ...]) -> dict[str, str]:
    """Return an installed Go's own settings; the environment is only a key of the cache."""
    said = shell.run([installed, "env", "-json", *_ASKED], env=_ASKING, check=False)
    try:
        settings = json.loads(said.stdout)
    except ValueError:
        return {}
    return settings if isinstance(settings, dict) else {}


@functools.cache
def _says(executable: str) -> str:
    """Return the version of a go command itself, as Go writes it (`go1.22.5`), or an empty string if unknown."""
    said = shell.run([executable, "version"], env={**FENCE, "GOTOOLCHAIN": "local"}, check=False).stdout
    found = re.search(r"go version (.+) \S+/\S+", said)
    return found[1] if found else ""


def _release(executable: str) -> tuple[int, ...]:
    numbers = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", _says(executable))
    return tuple(int(number) for number in numbers.groups(default="0")) if numbers else ()


def _without_go(settings: GoSettings) -> tuple[Path, str]:
    """Choose on a machine without Go, or with one that is too old.

    The version with a pinned checksum is downloaded. It fetches any other, verified by the checksum database.
    """
    pinned = settings.go_version if settings.go_version in artifacts.TOOLCHAIN_SHA256 else OWN
    own = _download(pinned, settings)
    if pinned == settings.go_version:
        return own, "local"
    switched = _switch(str(own), settings)
    if switched.returncode != 0:
        message = f"GO_VERSION {settings.go_version} cannot be fetched from the module proxy"
        raise Problem(message, details=switched.stderr, hint="./doit doctor --for images")
    return own, _wanted(settings)


def _switch(executable: str, settings: GoSettings) -> shell.Completed:
    """Let a go command fetch the wanted version, if that is not there yet."""
    switched = shell.run(
        [executable, "version"], env={**environment(settings), "GOTOOLCHAIN": _wanted(settings)}, check=False
    )
    if switched.returncode == 0:
        _make_removable(_fetched(settings), _cache(settings))
    return switched


def _download(version: str, settings: GoSettings) -> Path:
    """Download a toolchain with a pinned checksum from the module proxy."""
    target = _cache(settings) / "toolchain" / f"go{version}"
    with alone(target):
        if not target.is_dir():
            progress.line(f"No Go command that can switch toolchains: taking Go {version} from the module proxy")
            address = _first_address(proxies(settings), settings.go_proxy)
            sha256 = artifacts.TOOLCHAIN_SHA256[version]
            _unpack(address, f"golang.org/toolchain@v0.0.1-go{version}.linux-amd64", sha256, target)
    return target / "bin" / "go"


def _unpack(address: str, module: str, sha256: str, target: Path) -> None:
    path, _, version = module.partition("@")
    url = f"{address}/{path}/@v/{version}.zip"
    archive = download.fetch(url, target.with_name(f"{target.name}.zip"), sha256=sha256)
    part = part_of(target)
    # Its checksum is pinned, so its content can be trusted.
    with zipfile.ZipFile(archive) as bundle:
        bundle.extractall(part)
    root = part / module
    # A module archive can hold neither nested go.mod files nor execute bits: both are restored, as go itself does.
    for hidden in root.rglob("_go.mod"):
        hidden.rename(hidden.with_name("go.mod"))
    for executable in (*(root / "bin").iterdir(), *(root / "pkg" / "tool").rglob("*")):
        executable.chmod(executable.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    root.replace(target)
    shutil.rmtree(part)
    archive.unlink()


def _first_address(*lists: str) -> str:
    """Return the first address in lists of module proxies, which may also hold `direct` and `off`."""
    choices = [choice for each in lists for choice in re.split(r"[,|]", each)]
    return next(choice.rstrip("/") for choice in choices if choice.startswith("http"))
