"""tasks.archive.source: good archives, bad archives, facts, and what makes the source stale."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tasks.archive import facts as archive_facts
from tasks.archive import source
from tasks.engines.files import trees
from tasks.problems import Problem
from tasks.settings import controller, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from typing import TypeAlias

    from tests.unit.conftest import Lines

    StopMoving: TypeAlias = Callable[[str, BaseException], AbstractContextManager[None]]

REAL = paths.ROOT.parent / "shared/openkasugai-controller-data"

MADE = {"controller", "controller.json", "controller-files.json"}


def pack(tree: Path, top: str = "controller") -> Path:
    """Pack the sample as an archive, the way a user packs the real controller."""
    archive = tree / "src/controller.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tree / "src/sample-controller", top)
    return archive


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    """A member of an archive; a file has one byte."""
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, target, mode
    made.size = 1 if kind == tarfile.REGTYPE else 0
    return made


def pack_with(tree: Path, *members: tarfile.TarInfo) -> Path:
    """Pack the sample with further members."""
    archive = pack(tree)
    with tarfile.open(archive, "w:gz", encoding="utf-8", errors="surrogateescape") as tar:
        tar.add(tree / "src/sample-controller", "controller")
        for each in members:
            tar.addfile(each, io.BytesIO(b"x" * each.size))
    return archive


def pack_member(tree: Path, one: tarfile.TarInfo) -> Path:
    archive = tree / "src/controller.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.addfile(one, io.BytesIO(b"x" * one.size))
    return archive


def entries(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture
def stop_moving(monkeypatch: pytest.MonkeyPatch) -> StopMoving:
    """A context manager in which moving a file or folder of a given name fails."""
    rename = Path.rename

    @contextmanager
    def stop_moving(name: str, error: BaseException) -> Iterator[None]:
        def move(path: Path, target: Path) -> Path:
            if path.name == name:
                raise error
            return rename(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", move)
            yield

    return stop_moving


def test_the_sample_is_taken_where_there_is_no_archive(tree: Path) -> None:
    assert source.lack()
    source.prepare()
    assert not source.lack()
    assert entries(tree / "build/controller") == entries(tree / "src/sample-controller")


def test_an_archive_is_unpacked_with_its_links(tree: Path) -> None:
    link = tree / "src/sample-controller/src/CPUFunction/link.go"
    link.symlink_to("../WBFunction/Dockerfile")
    pack(tree)
    source.prepare()
    unpacked = tree / "build/controller/src/CPUFunction/link.go"
    assert unpacked.readlink() == Path("../WBFunction/Dockerfile")
    assert not source.lack()


def test_nothing_is_left_beside_the_source(tree: Path) -> None:
    source.prepare()
    source.prepare()
    assert {path.name for path in (tree / "build").iterdir()} == MADE


def test_the_folder_that_nodes_have_mounted_stays_the_same_folder(tree: Path) -> None:
    source.prepare()
    before = (tree / "build/controller").stat().st_ino
    (tree / "src/sample-controller/added").write_text("x")
    source.prepare()
    assert (tree / "build/controller").stat().st_ino == before
    assert (tree / "build/controller/added").is_file()


@pytest.mark.parametrize("place", ["src/sample-controller/src/CPUFunction/Dockerfile", "build/controller/stray"])
def test_a_change_of_the_origin_or_by_hand_makes_it_stale(tree: Path, place: str) -> None:
    source.prepare()
    (tree / place).write_text("changed")
    assert source.lack()
    source.prepare()
    assert not source.lack()
    assert not (tree / "build/controller/stray").exists()


def test_a_run_killed_between_two_moves_is_recognised_and_redone(tree: Path, stop_moving: StopMoving) -> None:
    source.prepare()
    (tree / "src/sample-controller/added").write_text("x")
    with stop_moving("added", KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        source.prepare()
    assert source.lack()
    source.prepare()
    assert not source.lack()


def test_an_archive_that_only_got_a_new_time_is_not_read_as_another(tree: Path) -> None:
    archive = pack(tree)
    source.prepare()
    before = source.digest()
    archive.touch()
    source.prepare()
    assert source.digest() == before


def test_asked_for_an_archive_that_is_not_there(tree: Path, choose: Callable[..., None]) -> None:
    choose(CONTROLLER="archive")
    with pytest.raises(Problem, match=r"controller\.tar\.gz: the controller's archive is not there"):
        source.prepare()
    assert not (tree / "build/controller").exists()


def test_not_a_tar_is_one_line(tree: Path) -> None:
    (tree / "src/controller.tar.gz").write_text("<html>404</html>")
    with pytest.raises(Problem, match=r"controller\.tar\.gz: cannot be unpacked"):
        source.prepare()


def test_a_cut_off_archive_is_one_line(tree: Path) -> None:
    archive = pack(tree)
    archive.write_bytes(archive.read_bytes()[:2000])
    with pytest.raises(Problem, match=r"controller\.tar\.gz: cannot be unpacked"):
        source.prepare()


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "controller/../../escape"])
def test_members_outside_are_refused(tree: Path, name: str) -> None:
    pack_member(tree, tarfile.TarInfo(name))
    with pytest.raises(Problem, match="lies outside the archive"):
        source.prepare()
    assert not (tree / "escape").exists()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../escape"])
def test_links_to_the_outside_are_refused(tree: Path, target: str) -> None:
    pack_member(tree, member("controller/src/link", tarfile.SYMTYPE, target))
    with pytest.raises(Problem, match="points outside the archive"):
        source.prepare()


def test_another_top_folder_is_named(tree: Path) -> None:
    pack(tree, top="openkasugai-controller-1.1.0")
    with pytest.raises(Problem, match=r"the top folder is openkasugai-controller-1\.1\.0, not controller"):
        source.prepare()


def test_each_missing_part_is_a_line_and_what_was_there_stays(tree: Path) -> None:
    source.prepare()
    shutil.rmtree(tree / "src/sample-controller/src/GPUFunction")
    (tree / f"src/sample-controller/{controller.JSON}/functionkindmap.json").unlink()
    with pytest.raises(Problem) as caught:
        source.prepare()
    assert len(caught.value.message.splitlines()) == 2
    assert "controller/src/GPUFunction/config/crd/kustomization.yaml is missing" in caught.value.message
    assert (tree / "build/controller/src/GPUFunction").is_dir()


def test_facts_come_from_the_daemons(tree: Path) -> None:
    source.prepare()
    facts = archive_facts.facts()
    assert facts.tag == "1.1.0"
    assert facts.kubeconfig == "/etc/k8s_node/config"
    assert facts.images == {part.image for part in controller.deployed("daemon")}
    assert facts.images >= {"cpufunction", "deviceinfo", "ethernetconnection"}


def rewrite_daemons(tree: Path, old: str, new: str) -> None:
    for part in controller.deployed("daemon"):
        file = tree / "src/sample-controller" / part.daemon_set
        file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize("registry", ["localhost/", "ghcr.io/openkasugai/controller/", ""])
def test_the_tag_of_another_version_from_any_registry(tree: Path, registry: str) -> None:
    rewrite_daemons(tree, "1.1.0", "2.0.0-rc1")
    rewrite_daemons(tree, "localhost/", registry)
    source.prepare()
    assert archive_facts.facts().tag == "2.0.0-rc1"
    assert "cpufunction" in archive_facts.facts().images


def test_the_deploy_script_says_the_tag_first(tree: Path) -> None:
    script = tree / "src/sample-controller" / controller.DEPLOY_SCRIPT
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text("#!/bin/sh\nTAG=1.0.0\n")
    source.prepare()
    assert archive_facts.facts().tag == "1.0.0"


def test_a_moved_kubeconfig_is_followed_and_two_of_them_are_an_error(tree: Path) -> None:
    rewrite_daemons(tree, "/etc/k8s_node/config", "/etc/k8s_worker/config")
    source.prepare()
    assert archive_facts.facts().kubeconfig == "/etc/k8s_worker/config"
    one = tree / "src/sample-controller" / controller.deployed("daemon")[0].daemon_set
    one.write_text(one.read_text().replace("/etc/k8s_worker/config", "/elsewhere"))
    with pytest.raises(Problem, match=r"mount \['/elsewhere', '/etc/k8s_worker/config'\] as kubeconfig"):
        source.prepare()


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("localhost/cpufunction:1.1.0", "cpufunction"),
        ("registry:5000/a/b/cpufunction@sha256:ab", "cpufunction"),
        ("cpufunction", "cpufunction"),
    ],
)
def test_an_image_is_known_by_its_last_path_component(reference: str, name: str) -> None:
    assert archive_facts.image_name(reference) == name


@pytest.mark.parametrize("root", [root for root in (paths.SRC / "sample-controller", REAL) if root.is_dir()])
def test_the_sample_and_the_real_controller_have_what_the_adapters_look_for(root: Path) -> None:
    source.check(root, "source", ())
    found = archive_facts.facts_of(root)
    assert found.tag == "1.1.0"
    assert found.kubeconfig == "/etc/k8s_node/config"
    assert len(archive_facts.definition_files(root)) == 20


def test_an_archive_without_its_submodule_is_refused_where_the_drivers_are_needed(tree: Path) -> None:
    dockerfile = tree / "src/sample-controller/src/EthernetConnection/Dockerfile"
    dockerfile.write_text(f"{dockerfile.read_text()}\nCOPY EthernetConnection/{controller.DRIVERS}/ x/\n")
    with pytest.raises(Problem, match=r"controller/src/submodules/fpga-software/lib is missing"):
        source.prepare()


def test_what_a_mac_adds_is_passed_over_and_said(tree: Path, said: Lines) -> None:
    names = ("._controller", "controller/._README.md", "controller/src/._CPUFunction", "__MACOSX/controller/._src")
    pack_with(tree, *map(member, names))
    source.prepare()
    assert entries(tree / "build/controller") == entries(tree / "src/sample-controller")
    assert "controller.tar.gz: 4 entries of macOS (._*, __MACOSX) were passed over" in "\n".join(said.kept)


def test_an_archive_that_cannot_be_unpacked_leaves_what_was_there(tree: Path) -> None:
    source.prepare()
    before = (source.digest(), entries(tree / "build/controller"))
    pack_with(tree, member("controller/b\udce9"))
    with pytest.raises(Problem, match=r"controller\.tar\.gz: 'controller/b.udce9': a name that is not UTF-8") as caught:
        source.prepare()
    assert len(caught.value.message.splitlines()) == 1
    assert caught.value.hint.startswith("tar --exclude .git -czf /")
    assert (source.digest(), entries(tree / "build/controller")) == before
    assert {path.name for path in (tree / "build").iterdir()} == MADE


def test_a_source_is_readable_for_everybody_whatever_the_umask_is(tree: Path) -> None:
    odd = tree / "src/sample-controller/src/CPUFunction/Dockerfile"
    odd.chmod(0o600)
    earlier = os.umask(0o077)
    try:
        source.prepare()
    finally:
        os.umask(earlier)
    top = tree / "build/controller"
    found = [top, *(path for path in top.rglob("*") if not path.is_symlink())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} <= {0o644, 0o755}


def test_the_digest_of_a_tree_counts_of_a_mode_only_whether_it_executes(tree: Path) -> None:
    file = tree / "src/sample-controller/README.md"
    digests = {}
    for mode in (0o600, 0o644, 0o664, 0o700, 0o755, 0o711):
        file.chmod(mode)
        digests[mode] = trees.digest(tree / "src/sample-controller")
    assert digests[0o600] == digests[0o644] == digests[0o664]
    assert digests[0o700] == digests[0o755] == digests[0o711] != digests[0o644]


@pytest.mark.parametrize(("kind", "says"), [("folder", "a folder"), ("link", "a link to nowhere, which is not there")])
def test_what_is_no_file_in_the_place_of_the_archive_is_not_taken_for_its_absence(
    tree: Path, kind: str, says: str
) -> None:
    archive = tree / "src/controller.tar.gz"
    archive.mkdir() if kind == "folder" else archive.symlink_to("nowhere")
    with pytest.raises(Problem, match=rf"controller\.tar\.gz: {says}"):
        source.prepare()


def test_facts_that_do_not_fit_are_found_before_anything_is_replaced(tree: Path) -> None:
    source.prepare()
    one = tree / "src/sample-controller" / controller.deployed("daemon")[0].daemon_set
    one.write_text(one.read_text().replace("/etc/k8s_node/config", "/elsewhere"))
    with pytest.raises(Problem, match="as kubeconfig, expected one path"):
        source.prepare()
    assert archive_facts.facts().kubeconfig == "/etc/k8s_node/config"
    assert source.digest()


def test_an_entry_that_cannot_be_moved_leaves_the_source_as_it_was(tree: Path, stop_moving: StopMoving) -> None:
    source.prepare()
    before = (source.digest(), entries(tree / "build/controller"))
    (tree / "src/sample-controller/added").write_text("x")
    with (
        stop_moving("added", PermissionError(1, "Operation not permitted")),
        pytest.raises(Problem, match="cannot be replaced: Operation not permitted"),
    ):
        source.prepare()
    assert (source.digest(), entries(tree / "build/controller")) == before
