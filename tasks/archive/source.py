"""The controller's source in build/controller: unpacked and checked, or the sample's; and the facts it holds.

build/controller is bound into every node at /root/controller. A mount holds on to the folder itself, so its entries are
replaced and the folder stays.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import stat
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import progress, reasons
from tasks.engines.files import archives, atomic, modes
from tasks.engines.kube import manifests
from tasks.problems import Problem
from tasks.settings import controller, parameters, paths, patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SAMPLE = paths.SRC / "sample-controller"
SOURCE = paths.CONTROLLER
# Beside the folder, not in it: it is written last, so that its absence tells of a source half made.
MARK = paths.BUILD / "controller.json"
_LEFTOVERS = "controller.part-*"
_NOT_SOURCE = ("__pycache__", ".pytest_cache", "*.pyc")
_README = 'README.md, "The controller archive"'
_NOT_THERE = "the controller's archive is not there"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Facts:
    """What the archive itself says.

    Attributes:
        tag: Version of the controller: the tag its own script deploys, or that of its daemons.
        kubeconfig: File on each worker that the daemons mount to reach the API.
        images: Last path component of every image a component runs.
    """

    tag: str
    kubeconfig: str
    images: frozenset[str]


def prepare() -> None:
    """Put the controller's source into build/controller, replacing what is there.

    Raises:
        Problem: There is no archive, or it is not what a controller's archive has to be.
    """
    chosen = origin()
    paths.BUILD.mkdir(exist_ok=True)
    for leftover in paths.BUILD.glob(_LEFTOVERS):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=_LEFTOVERS.rstrip("*"), dir=paths.BUILD) as made:
        fresh = Path(made) / controller.TOP
        _fill(fresh, chosen)
        check(fresh, _shown(chosen))
        found = _facts_of(fresh)
        mark = {"origin": _identity(chosen, {}), "content": _listing(fresh)}
        # All that can be wrong with a source has been found by here: only renaming is left.
        _replace_entries(SOURCE, fresh, Path(made) / "old")
    atomic.write(MARK, json.dumps(mark))
    facts.cache_clear()
    progress.line(f"controller {found.tag} from {_shown(chosen)}")


def is_current() -> bool:
    """Tell whether build/controller holds, unchanged, what the chosen origin holds."""
    mark = _mark()
    if not mark:
        return reasons.absent(_shown(SOURCE))
    same = mark.get("origin") == _identity(origin(), mark)
    return reasons.unless(same, f"{_shown(origin())}: changed") and reasons.unless(
        mark.get("content") == _listing(SOURCE), f"{_shown(SOURCE)}: changed by hand"
    )


def digest() -> str:
    """Return the digest of the source in build/controller.

    Raises:
        Problem: It is not there.
    """
    mark = _mark()
    if not mark:
        raise Problem(f"{_shown(SOURCE)}: not there", hint="./doit controller_source")
    return str(mark["origin"]["digest"])


def origin() -> Path:
    """Return where the controller comes from: the archive, or the folder of the sample controller.

    Raises:
        Problem: CONTROLLER asks for the archive and it is not there.
    """
    chosen = parameters.current()
    archive = paths.SRC / chosen.dci_k8s_software_tarfile
    if chosen.controller == "sample" or (chosen.controller == "auto" and not os.path.lexists(archive)):
        return SAMPLE
    if not archive.is_file():
        raise Problem(f"{_shown(archive)}: {_absence(archive)}", hint=f"put it there: {_README}")
    return archive


def _absence(archive: Path) -> str:
    if archive.is_dir():
        return "a folder, where the controller's archive is needed"
    return f"a link to {archive.readlink()}, which is not there" if archive.is_symlink() else _NOT_THERE


@lru_cache(maxsize=1)
def facts() -> Facts:
    """Return what the source in build/controller says.

    Raises:
        Problem: It is not there, or moved something that is needed.
    """
    if not SOURCE.is_dir():
        raise Problem(f"{_shown(SOURCE)}: not there", hint="./doit controller_source")
    return _facts_of(SOURCE)


def _facts_of(root: Path) -> Facts:
    daemons = [item for part in controller.deployed("daemon") for item in manifests.load(root / part.daemon_set)]
    images = {image_name(reference): reference for item in daemons for reference in image_references(item)}
    return Facts(_tag(root, images), _kubeconfig(daemons), frozenset(images))


def image_references(item: manifests.Object) -> Iterator[str]:
    """Yield the image references of a workload's containers."""
    for container in item.get("spec", {}).get("template", {}).get("spec", {}).get("containers", []):
        yield container["image"]


def image_name(reference: str) -> str:
    """Return the last path component of an image reference, without tag and digest."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[0]


def definition_files(root: Path) -> list[Path]:
    """Return the files of the custom resource definitions that the kustomizations list, the later one of two.

    Args:
        root: Top folder of the controller's source.

    Raises:
        Problem: A kustomization lists a file that is not there.
    """
    import yaml

    found: dict[str, Path] = {}
    for part in controller.COMPONENTS:
        listing = root / part.definitions
        for name in (yaml.safe_load(listing.read_text(encoding="utf-8")) or {}).get("resources") or []:
            file = listing.parent / name
            if not file.is_file():
                raise Problem(f"{part.definitions}: lists {name}, which is not there")
            found[file.name] = file
    return list(found.values())


def say_what_drivers_lack(image: str) -> None:
    """Say where an image has libfpga without its JSON parser, as the archive's makers have to put that in.

    Args:
        image: Name of the image.
    """
    if not (SOURCE / controller.DRIVERS_SOURCE / controller.DRIVERS_JSON_PARSER).is_file():
        progress.line(
            f"{image}: the archive's {controller.DRIVERS_SOURCE} lacks {controller.DRIVERS_JSON_PARSER}: "
            "built without it; only FPGAs need it"
        )


def check(root: Path, shown: str) -> None:
    """Refuse a source that lacks a part which is needed later.

    Args:
        root: Top folder of the source.
        shown: How messages name where it comes from.

    Raises:
        Problem: One line per missing part.
    """
    missing = [part for part in (*_required_parts(), *_required_drivers(root)) if not (root / part).exists()]
    if missing:
        raise Problem("\n".join(f"{shown}: {controller.TOP}/{part} is missing" for part in missing), hint=_README)


def _required_parts() -> Iterator[str]:
    for part in controller.COMPONENTS:
        yield part.definitions
    hardware = parameters.current().controller_hardware
    for part in controller.deployed("daemon", hardware):
        yield part.daemon_set
    for part in controller.deployed("manager", hardware):
        yield f"{part.deployment}/kustomization.yaml"
    for file in controller.REQUIRED_CONFIGURATION.values():
        yield f"{controller.JSON}/{file}"
    # A source without one of the others can still run those that it has.
    yield f"{controller.SCENARIOS}/{patterns.BASIC.folder}"


def _required_drivers(root: Path) -> Iterator[str]:
    """Yield the drivers' library where a Dockerfile needs it; an archive made without its submodule lacks it."""
    dockerfiles = [root / image.folder / "Dockerfile" for image in controller.CONTROLLER_IMAGES]
    if any(file.is_file() and controller.DRIVERS in file.read_text("utf-8", "replace") for file in dockerfiles):
        yield f"{controller.DRIVERS_SOURCE}/lib"


def _fill(fresh: Path, chosen: Path) -> None:
    """Put a source into a new folder."""
    if chosen == SAMPLE:
        shutil.copytree(SAMPLE, fresh, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
        modes.normalise(fresh)
        return
    how = f"tar --exclude .git -czf {shlex.quote(_shown(chosen))} {controller.TOP} ({_README})"
    archives.unpack(chosen, fresh.parent, controller.TOP, shown=_shown(chosen), hint=how)


def _replace_entries(target: Path, fresh: Path, old: Path) -> None:
    """Give `target` the entries of `fresh`; a run that dies in between is recognised by the missing mark.

    Raises:
        Problem: An entry cannot be moved; those that were moved are back.
    """
    target.mkdir(exist_ok=True)
    old.mkdir()
    moves = [(MARK, old / MARK.name)] if MARK.exists() else []
    moves += [(entry, old / entry.name) for entry in target.iterdir()]
    moves += [(entry, target / entry.name) for entry in fresh.iterdir()]
    done: list[tuple[Path, Path]] = []
    try:
        # It is what a cluster mounts; the umask has a part in the mode it was made with.
        if stat.S_IMODE(target.stat().st_mode) != modes.FOLDER:
            target.chmod(modes.FOLDER)
        for move in moves:
            move[0].rename(move[1])
            done.append(move)
    except OSError as error:
        for source, place in reversed(done):
            place.rename(source)
        hint = f"ls -la {shlex.quote(_shown(target))}"
        raise Problem(f"{_shown(target)}: cannot be replaced: {error.strerror}", hint=hint) from error


def _mark() -> dict[str, Any]:
    try:
        mark = json.loads(MARK.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return mark if isinstance(mark, dict) else {}


def _identity(chosen: Path, known: dict[str, Any]) -> dict[str, Any]:
    """Return what tells one origin from another; an archive that was not written since is not read again."""
    if chosen == SAMPLE:
        return {"file": str(chosen), "stat": [], "digest": tree_digest(chosen)}
    status = chosen.stat()
    stat = [status.st_size, status.st_mtime_ns, status.st_ino]
    before = known.get("origin", {})
    unread = before.get("file") == str(chosen) and before.get("stat") == stat
    # The stat only saves reading; the digest is what other things depend on.
    return {"file": str(chosen), "stat": stat, "digest": before["digest"] if unread else _file_digest(chosen)}


def tree_digest(root: Path) -> str:
    """Return the digest of a folder's files and links, their names and permission to execute."""
    hasher = hashlib.sha256()
    for path in sorted(_files(root)):
        executable = "x" if modes.is_executable(path) else "-"
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        hasher.update(f"{path.relative_to(root).as_posix()}\0{executable}\0{len(content)}\0".encode())
        hasher.update(content)
    return hasher.hexdigest()[:20]


def _listing(root: Path) -> str:
    """Return a digest of a folder's file names, sizes and times: quick, and notices what a hand changed."""
    lines = []
    for entry in _entries(root):
        status = entry.stat(follow_symlinks=False)
        lines.append(f"{entry.path.removeprefix(f'{root}/')} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:20]


def _files(root: Path) -> Iterator[Path]:
    return (Path(entry.path) for entry in _entries(root))


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    """Yield the files and links below a folder. For thousands, os.walk and Path take more than twice as long."""
    with os.scandir(folder) as found:
        for entry in found:
            if not entry.is_dir(follow_symlinks=False):
                if not entry.name.endswith(".pyc"):
                    yield entry
            elif entry.name not in _NOT_SOURCE:
                yield from _entries(entry.path)


def _file_digest(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()[:20]


def _tag(root: Path, images: dict[str, str]) -> str:
    """Return the one tag of the controller's images."""
    script = root / controller.DEPLOY_SCRIPT
    if script.is_file():
        found = re.search(r"^TAG=([\w.-]+)", script.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        if found:
            return found[1]
    tags = {reference.rpartition(":")[2] for name, reference in images.items() if ":" in reference.rpartition("/")[2]}
    if len(tags) != 1:
        raise Problem(f"controller: its daemons have the image tags {sorted(tags)}, expected one")
    return tags.pop()


def _kubeconfig(daemons: Iterable[manifests.Object]) -> str:
    """Return the path on the nodes of the kubeconfig that the daemons mount."""
    found = {path for item in daemons for path in _mounted_kubeconfigs(item)}
    if len(found) != 1:
        raise Problem(f"controller: its daemons mount {sorted(found)} as kubeconfig, expected one path")
    return found.pop()


def _mounted_kubeconfigs(daemon: manifests.Object) -> Iterator[str]:
    """Yield host paths of the volumes that a container's `--kubeconfig` argument points at."""
    pod = daemon["spec"]["template"]["spec"]
    host_paths = {volume["name"]: volume.get("hostPath", {}).get("path") for volume in pod.get("volumes", [])}
    for container in pod["containers"]:
        asked = {word.partition("=")[2] for word in container.get("args", []) if word.startswith("--kubeconfig=")}
        for mount in container.get("volumeMounts", []):
            if mount["mountPath"] in asked:
                yield host_paths[mount["name"]]


def _shown(path: Path) -> str:
    return path.relative_to(paths.ROOT).as_posix() if path.is_relative_to(paths.ROOT) else str(path)
