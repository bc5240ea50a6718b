"""tasks.engines.go.modules: the digest of an artifact, kept builds, and the toolchain."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.engines.go import command, modules, sources
from tasks.engines.go import toolchain as go_toolchain
from tasks.problems import Problem
from tasks.settings import artifacts, parameters, paths
from tasks.settings.parameters import layers
from tests.threads import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tasks.settings.parameters.model import Parameters
    from tests.unit.programs import Programs

ETCD = artifacts.ETCD
TABLE = [entry for entry in vars(artifacts).values() if isinstance(entry, artifacts.GoArtifact)]

# A Go that compiles nothing: the content of each program is the path of its package.
GO = """
case "$1" in
version) echo "go version go1.23.0 linux/amd64" ;;
build)
    while [ "$1" != -o ]; do shift; done
    output=$2
    shift 2
    for package in "$@"; do
        name=${package%/v[0-9]}
        [ "$package" != . ] || name=$PWD
        (set -C; printf %s "$package" >"$output${name##*/}") || exit 1
    done ;;
print) echo "$GOPROXY" ;;
esac
"""


@pytest.fixture
def chosen(tmp_path: Path) -> Callable[..., Parameters]:
    """Return a function that returns the lab's parameters, with the test's cache and the given values."""

    def choose(**values: str) -> Parameters:
        environ = {"PROFILE": "lab", "CACHE_DIR": str(tmp_path / "cache"), **values}
        return parameters.validated(layers.read(paths.ROOT, environ))

    return choose


@pytest.fixture
def lab(chosen: Callable[..., Parameters]) -> Parameters:
    """Return the parameters of the lab."""
    return chosen()


@pytest.fixture
def etcd(tmp_path: Path) -> artifacts.GoArtifact:
    """Return the artifact etcd, with a folder that a test may change."""
    return replace(ETCD, folder=str(shutil.copytree(paths.ROOT / ETCD.folder, tmp_path / "etcd")))


@pytest.fixture
def go(programs: Programs) -> Programs:
    """Return the programs on PATH with that Go among them."""
    programs.write("go", GO)
    return programs


def builds(programs: Programs) -> list[list[str]]:
    """Return the builds so far."""
    return [call for call in programs.calls if call[:2] == ["go", "build"]]


@pytest.mark.parametrize("artifact", TABLE, ids=lambda artifact: artifact.name)
def test_each_artifact_is_pinned_at_the_default_of_its_parameter(
    lab: Parameters, artifact: artifacts.GoArtifact
) -> None:
    assert modules.definition(artifact, lab, "base")


def test_what_links_c_libraries_is_not_defined_without_the_image_that_has_them(lab: Parameters) -> None:
    with pytest.raises(ValueError, match="cri-o links C libraries"):
        modules.definition(artifacts.CRIO, lab)


def test_each_artifact_names_its_programs_once() -> None:
    names = [program.name for artifact in TABLE for program in artifact.programs]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "tools.go"])
def test_what_go_reads_changes_the_definition(etcd: artifacts.GoArtifact, lab: Parameters, file: str) -> None:
    before = modules.definition(etcd, lab)
    with Path(etcd.folder, file).open("a", encoding="utf-8") as text:
        text.write("\n")
    assert modules.definition(etcd, lab) != before


def test_the_toolchain_changes_the_definition_and_a_readme_does_not(
    etcd: artifacts.GoArtifact, lab: Parameters, chosen: Callable[..., Parameters]
) -> None:
    before = modules.definition(etcd, lab)
    Path(etcd.folder, "README.md").write_text("words", encoding="utf-8")
    assert modules.definition(etcd, lab) == before
    assert modules.definition(etcd, chosen(GO_VERSION="1.23.1")) != before


def test_the_base_changes_only_what_links_its_libraries(lab: Parameters) -> None:
    before = {artifact.name: modules.definition(artifact, lab, "bookworm") for artifact in TABLE}
    now = {artifact.name: modules.definition(artifact, lab, "jammy") for artifact in TABLE}
    changed = {name for name in before if now[name] != before[name]}
    assert artifacts.CRIO.name in changed
    assert changed == {artifact.name for artifact in TABLE if artifact.compiler}


@pytest.mark.parametrize("artifact", [entry for entry in TABLE if entry.module], ids=lambda artifact: artifact.name)
def test_another_version_waits_for_its_modules_and_resolves_nothing_to_be_defined(
    chosen: Callable[..., Parameters], programs: Programs, artifact: artifacts.GoArtifact
) -> None:
    programs.write("go", "exit 1")
    p = chosen(**{artifact.parameter: "v99.0.0"})
    assert modules.definition(artifact, p, "base") == "v99.0.0, whose modules are not resolved yet"
    assert not modules.is_built(artifact, p, "base")
    assert not programs.calls


@pytest.mark.usefixtures("checkout")
def test_what_was_resolved_is_what_another_version_is_made_of(chosen: Callable[..., Parameters]) -> None:
    p = chosen(ETCD_VERSION="v3.5.16")
    folder = sources.folder(ETCD, p)
    assert folder == paths.BUILD / "go/etcd-v3.5.16"
    shutil.copytree(paths.ROOT / ETCD.folder, folder)
    before = modules.definition(ETCD, p)
    assert before == modules.definition(ETCD, chosen()), "go.mod and go.sum are what counts"
    with (folder / "go.sum").open("a", encoding="utf-8") as sums:
        sums.write("\n")
    assert modules.definition(ETCD, p) != before
    (folder / "go.sum").unlink()
    assert not sources.is_resolved(ETCD, p)


def test_kubernetes_is_stamped_with_its_version(lab: Parameters) -> None:
    flags = modules._linker_flags(artifacts.KUBERNETES, lab)
    assert "-X k8s.io/component-base/version.gitVersion=v1.31.0" in flags
    assert "-X k8s.io/client-go/pkg/version.gitMinor=31" in flags


def test_build_tags_are_among_the_flags_and_change_the_definition(go: Programs, lab: Parameters) -> None:
    tagged = replace(ETCD, tags=("no_this", "no_that"))
    assert modules.definition(tagged, lab) != modules.definition(ETCD, lab)
    modules.build(tagged, lab)
    (build,) = builds(go)
    assert build[build.index("-tags") + 1] == "no_this,no_that"


def test_a_build_is_made_once_and_its_programs_have_their_names(go: Programs, lab: Parameters) -> None:
    both = replace(ETCD, programs=(*ETCD.programs, artifacts.Program("go.etcd.io/etcd/etcdctl/v3", "etcdctl")))
    folder = modules.build(both, lab)
    assert modules.build(both, lab) == folder
    assert len(builds(go)) == 1
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
        "etcd": "go.etcd.io/etcd/server/v3",
        "etcdctl": "go.etcd.io/etcd/etcdctl/v3",
    }


def test_a_half_made_build_is_made_again(go: Programs, lab: Parameters) -> None:
    folder = modules.build(ETCD, lab)
    folder.rename(f"{folder}.part-1-1")
    assert modules.program(ETCD, "etcd", lab).read_text(encoding="utf-8") == "go.etcd.io/etcd/server/v3"
    assert len(builds(go)) == 2
    assert not list(folder.parent.glob("*.part-*"))


def test_a_source_of_our_own_is_named_after_its_folder(go: Programs, lab: Parameters) -> None:
    assert modules.program(artifacts.PAUSE, "pause", lab).exists()
    assert builds(go)[0][-1] == "."


OWN = "https://own.example,direct"


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("", "https://own.example"),
        ("off", "https://own.example"),
        ("https://goproxy.example/go/,direct", "https://goproxy.example/go"),
        ("direct|http://127.0.0.1:3000", "http://127.0.0.1:3000"),
    ],
)
def test_the_first_address_of_the_proxies_serves_the_toolchain(value: str, address: str) -> None:
    assert go_toolchain._first_address(value, OWN) == address


@pytest.mark.parametrize(
    ("environment", "installed", "proxies"),
    [
        ("", None, OWN),
        ("", "", OWN),
        ("", "https://set.example|direct", "https://set.example|direct"),
        ("off", "https://set.example", "off"),
        ("https://goproxy.example,direct", None, "https://goproxy.example,direct"),
    ],
)
def test_the_environment_then_an_installed_go_then_the_parameter_name_the_proxies(
    set_proxies: Callable[[str, str | None], Parameters], environment: str, installed: str | None, proxies: str
) -> None:
    assert go_toolchain.proxies(set_proxies(environment, installed)) == proxies


@pytest.fixture
def set_proxies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: Callable[..., Parameters]
) -> Callable[[str, str | None], Parameters]:
    """Return a function that sets GOPROXY in the environment and an installed Go, and returns the parameters."""

    def set_both(environment: str, installed: str | None) -> Parameters:
        monkeypatch.setenv("GOPROXY", environment)
        monkeypatch.setenv("PATH", str(tmp_path))
        if installed is not None:
            go = tmp_path / "go"
            said = json.dumps({"GOPROXY": installed})
            go.write_text(f"#!/bin/sh\n[ \"$1 $2\" = 'env -json' ] && echo '{said}'\n", encoding="utf-8")
            go.chmod(0o755)
        return chosen(GO_PROXY=OWN)

    return set_both


def test_go_is_run_with_the_proxies_that_were_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, go: Programs, chosen: Callable[..., Parameters]
) -> None:
    monkeypatch.delenv("GOPROXY", raising=False)
    assert command.run(tmp_path, chosen(GO_PROXY=OWN), "print") == f"{OWN}\n"


MODULE = "golang.org/toolchain@v0.0.1-go1.23.0.linux-amd64"
ARCHIVE = "golang.org/toolchain/@v/v0.0.1-go1.23.0.linux-amd64.zip"


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder, without a log."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the address of a module proxy that has a toolchain, on a machine without Go."""
    folder = tmp_path / "site"
    (folder / ARCHIVE).parent.mkdir(parents=True)
    with zipfile.ZipFile(folder / ARCHIVE, "w") as bundle:
        for name in ("bin/go", "pkg/tool/linux_amd64/compile", "src/_go.mod"):
            bundle.writestr(f"{MODULE}/{name}", name)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("GOPROXY", address)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with running(server):
        yield address


def test_a_toolchain_is_unpacked_as_go_itself_does(site: str, tmp_path: Path) -> None:
    sha256 = hashlib.sha256((tmp_path / "site" / ARCHIVE).read_bytes()).hexdigest()
    root = tmp_path / "toolchain" / "go1.23.0"
    go_toolchain._unpack(site, MODULE, sha256, root)
    assert (root / "bin/go").stat().st_mode & 0o111
    assert (root / "pkg/tool/linux_amd64/compile").stat().st_mode & 0o111
    assert (root / "src/go.mod").exists()
    assert not root.with_name("go1.23.0.zip").exists()


def test_a_machine_without_go_gets_the_toolchain_itself(site: str, lab: Parameters) -> None:
    pinned = artifacts.TOOLCHAIN_SHA256["1.23.0"]
    with pytest.raises(Problem, match=rf"^{site}/{ARCHIVE}: its SHA-256 is \w+, not {pinned}"):
        go_toolchain.choose(lab)
    root = lab.cache_dir / "go/toolchain/go1.23.0"
    root.mkdir()
    assert go_toolchain.choose(lab) == (root / "bin/go", "local")


@pytest.mark.parametrize("served", [True, False])
def test_without_go_the_pinned_toolchain_fetches_another_version(
    site: str, chosen: Callable[..., Parameters], *, served: bool
) -> None:
    lab = chosen(GO_VERSION="1.24.9")
    own = lab.cache_dir / "go/toolchain/go1.23.0/bin/go"
    own.parent.mkdir(parents=True)
    body = f'[ "$GOTOOLCHAIN $GOPROXY" = "go1.24.9 {site}" ] && exit {0 if served else 1}\nexit 2\n'
    own.write_text(f"#!/bin/sh\necho no such release >&2\n{body}", encoding="utf-8")
    own.chmod(0o755)
    if served:
        assert go_toolchain.choose(lab) == (own, "go1.24.9")
        return
    with pytest.raises(Problem, match=r"^GO_VERSION 1\.24\.9 cannot be fetched") as said:
        go_toolchain.choose(lab)
    assert said.value.details == "no such release\n"


def test_folders_of_go_may_have_blanks(programs: Programs, tmp_path: Path, lab: Parameters) -> None:
    version = "go version go1.23.0 linux/amd64"
    programs.put("go", version, {"env GOROOT GOMODCACHE": "/opt/my go\n/home/a b/cache\n", "env": ""})
    found = modules.fetch_modules(tmp_path, lab)
    assert [str(folder) for folder in (found.root, found.modules)] == ["/opt/my go", "/home/a b/cache"]
