"""tasks.engines.go.toolchain: builds are kept by the real version, and the user's own Go does not affect them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import command, toolchain
from tasks.engines.go import modules as go_modules
from tasks.settings import artifacts, parameters, paths
from tasks.settings.parameters import layers

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.settings.parameters.model import Parameters
    from tests.unit.conftest import Lines

# A Go 1.22.5 with its user's settings; it has another toolchain only if the file `switches` exists.
GO = """#!/bin/sh
here=${0%/*}
case "$*" in
    version)
        if [ "$GOTOOLCHAIN" = local ]; then echo "go version go1.22.5 linux/amd64"; exit; fi
        [ -e "$here/switches" ] || exit 1
        echo "go version $GOTOOLCHAIN linux/amd64" ;;
    "env -json"*)
        echo '{"GOPROXY": "https://own.example", "GOPRIVATE": "*.own.example"'
        echo ', "GOSUMDB": "sum.own.example", "GOVCS": ""}' ;;
    print) env ;;
esac
"""


@pytest.fixture(autouse=True)
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with that Go, the first on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "go").write_text(GO, encoding="utf-8")
    (folder / "go").chmod(0o755)
    for name in ("GOPROXY", *toolchain._SOURCES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def lab(tmp_path: Path) -> Parameters:
    """Return the parameters of the lab, with the test's cache."""
    given = {"PROFILE": "lab", "CACHE_DIR": str(tmp_path / "cache"), "GO_VERSION": "1.23.0"}
    return parameters.validated(layers.read(paths.ROOT, given))


def test_a_go_that_stands_in_is_named_in_what_is_kept(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch, lab: Parameters, said: Lines
) -> None:
    wanted = go_modules._target(artifacts.KIND, lab)
    assert go_modules.version(lab) == "go1.23.0"
    go_modules.settle(lab)
    assert go_modules.version(lab) == "go1.22.5"
    assert said.kept == ["go1.23.0 cannot be fetched from the module proxy: building with the installed go1.22.5"]
    assert go_modules._target(artifacts.KIND, lab) != wanted
    # From now on, another proxy is asked.
    monkeypatch.setenv("GOPROXY", "https://another.example")
    assert go_modules.version(lab) == "go1.23.0"
    (bin_folder / "switches").touch()
    toolchain.choose.cache_clear()
    go_modules.settle(lab)
    assert go_modules._target(artifacts.KIND, lab) == wanted


def test_without_go_or_with_an_old_one_the_wanted_one_is_fetched(bin_folder: Path, lab: Parameters) -> None:
    (bin_folder / "go").unlink()
    assert go_modules.version(lab) == "go1.23.0"


OWN = {
    "GOOS": "windows",
    "GOARCH": "arm64",
    "GOAMD64": "v3",
    "GOEXPERIMENT": "rangefunc",
    "GOFLAGS": "-tags=mine",
    "GOENV": "/home/me/go.env",
    "GOWORK": "/home/me/go.work",
    "GO111MODULE": "off",
    "GOROOT": "/home/me/go",
    "GOFIPS140": "latest",
    "GODEBUG": "x509sha1=1",
    "CGO_ENABLED": "1",
    "CGO_CFLAGS": "-march=native",
    "CGO_LDFLAGS": "-L/home/me",
}


def test_nothing_of_the_users_go_reaches_a_build_but_where_modules_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab: Parameters
) -> None:
    for name, value in {**OWN, "GONOSUMDB": "sums.example", "GOSUMDB": "off"}.items():
        monkeypatch.setenv(name, value)
    told = dict(line.split("=", 1) for line in command.run(tmp_path, lab, "print").splitlines() if "=" in line)
    assert {name: told[name] for name in OWN} == {name: toolchain.FENCE[name] for name in OWN}
    # The variables of the environment, then those of `go env -w`.
    assert (told["GONOSUMDB"], told["GOSUMDB"], told["GOPRIVATE"]) == ("sums.example", "off", "*.own.example")
    assert told["GOPROXY"] == "https://own.example"
    assert "GOVCS" not in told
    assert "-modcacherw" in told["GOFLAGS"].split()
    assert {told[name].rpartition("/")[0] for name in ("GOMODCACHE", "GOCACHE", "GOPATH")} == {f"{tmp_path}/cache/go"}


def test_a_fetched_toolchain_and_what_was_fetched_with_it_can_be_deleted_by_its_user(
    bin_folder: Path, lab: Parameters
) -> None:
    (bin_folder / "switches").touch()
    modules = lab.cache_dir / "go/mod"
    folders = [modules / "golang.org/toolchain@v0.0.1-go1.23.0.linux-amd64/bin", modules / "example.com/m@v1.0.0/a"]
    for folder in folders:
        folder.mkdir(parents=True)
        for path in (folder, folder.parent):
            path.chmod(0o555)
    go_modules.settle(lab)
    assert all(path.stat().st_mode & stat.S_IWUSR for path in modules.rglob("*"))
