"""The controller's source in build/controller: the archive, unpacked and checked, or the sample.

build/controller is mounted into every node at /root/controller. A mount refers to the folder itself, so the folder
stays and its entries are replaced.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import lack as lacks
from tasks import progress
from tasks.archive import facts as archive_facts
from tasks.engines.files import archives, atomic, modes, trees
from tasks.problems import Problem
from tasks.settings import controller, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

_LEFTOVERS = "controller.part-*"
_README = 'README.md, "The controller archive"'
_NOT_THERE = "the controller's archive is not there"


def prepare() -> None:
    """Put the controller's source into build/controller, replacing what is there.

    Raises:
        Problem: There is no archive, or it is not a valid archive of the controller.
    """
    current = parameters.current()
    chosen = origin(current)
    paths.BUILD.mkdir(exist_ok=True)
    for leftover in paths.BUILD.glob(_LEFTOVERS):
        shutil.rmtree(leftover)
    with tempfile.TemporaryDirectory(prefix=_LEFTOVERS.rstrip("*"), dir=paths.BUILD) as made:
        fresh = Path(made) / controller.TOP
        _fill(fresh, chosen)
        check(fresh, archive_facts.shown(chosen), current.controller_hardware)
        found = archive_facts.facts_of(fresh)
        mark = {"origin": _identity(chosen, {}), "content": trees.listing(fresh)}
        # The source has passed every check by now; only renaming is left.
        _replace_entries(paths.CONTROLLER, fresh, Path(made) / "old")
    atomic.write(paths.CONTROLLER_MARK, json.dumps(mark))
    archive_facts.facts.cache_clear()
    progress.line(f"controller {found.tag} from {archive_facts.shown(chosen)}")


def lack() -> Lack:
    """Return how build/controller differs from the chosen origin."""
    mark = _mark()
    if not mark:
        return lacks.absent(archive_facts.shown(paths.CONTROLLER))
    chosen = origin(parameters.current())
    if mark.get("origin") != _identity(chosen, mark):
        return lacks.of(f"{archive_facts.shown(chosen)}: changed")
    return lacks.unless(
        mark.get("content") == trees.listing(paths.CONTROLLER),
        f"{archive_facts.shown(paths.CONTROLLER)}: changed by hand",
    )


def digest() -> str:
    """Return the digest of the source in build/controller.

    Raises:
        Problem: It is not there.
    """
    mark = _mark()
    if not mark:
        raise Problem(f"{archive_facts.shown(paths.CONTROLLER)}: not there", hint="./doit controller_source")
    return str(mark["origin"]["digest"])


def origin(chosen: Parameters) -> Path:
    """Return where the controller comes from: the archive, or the folder of the sample controller.

    Args:
        chosen: The parameters of the run.

    Raises:
        Problem: CONTROLLER asks for the archive and it is not there.
    """
    archive = paths.SRC / chosen.dci_k8s_software_tarfile
    if chosen.controller == "sample" or (chosen.controller == "auto" and not os.path.lexists(archive)):
        return paths.SAMPLE
    if not archive.is_file():
        raise Problem(f"{archive_facts.shown(archive)}: {_absence(archive)}", hint=f"put it there: {_README}")
    return archive


def _absence(archive: Path) -> str:
    if archive.is_dir():
        return "a folder, where the controller's archive is needed"
    return f"a link to {archive.readlink()}, which is not there" if archive.is_symlink() else _NOT_THERE


def check(root: Path, shown: str, hardware: Collection[str]) -> None:
    """Stop if a source lacks a part that is needed later.

    Args:
        root: Top folder of the source.
        shown: Its origin, as messages name it.
        hardware: What CONTROLLER_HARDWARE asks for.

    Raises:
        Problem: One line per missing part.
    """
    missing = [part for part in (*_required_parts(hardware), *_required_drivers(root)) if not (root / part).exists()]
    if missing:
        raise Problem("\n".join(f"{shown}: {controller.TOP}/{part} is missing" for part in missing), hint=_README)


def _required_parts(hardware: Collection[str]) -> Iterator[str]:
    for part in controller.COMPONENTS:
        yield part.definitions
    for part in controller.deployed("daemon", hardware):
        yield part.daemon_set
    for part in controller.deployed("manager", hardware):
        yield f"{part.deployment}/kustomization.yaml"
    for file in controller.REQUIRED_CONFIGURATION.values():
        yield f"{controller.JSON}/{file}"
    # A source that lacks some scenarios can still run those that it has.
    yield controller.SCENARIOS


def _required_drivers(root: Path) -> Iterator[str]:
    """Yield the drivers' library if a Dockerfile needs it; an archive made without its submodule lacks it."""
    dockerfiles = [root / image.folder / "Dockerfile" for image in controller.CONTROLLER_IMAGES]
    if any(file.is_file() and controller.DRIVERS in file.read_text("utf-8", "replace") for file in dockerfiles):
        yield f"{controller.DRIVERS_SOURCE}/lib"


def _fill(fresh: Path, chosen: Path) -> None:
    """Put a source into a new folder."""
    if chosen == paths.SAMPLE:
        shutil.copytree(paths.SAMPLE, fresh, ignore=shutil.ignore_patterns(*trees.NOT_SOURCE))
        modes.normalise(fresh)
        return
    shown = archive_facts.shown(chosen)
    how = f"tar --exclude .git -czf {shlex.quote(shown)} {controller.TOP} ({_README})"
    archives.unpack(archives.Archive(chosen, controller.TOP, shown, how), fresh.parent)


def _replace_entries(target: Path, fresh: Path, old: Path) -> None:
    """Replace the entries of `target` with those of `fresh`; a missing mark shows that a run died in between.

    Raises:
        Problem: An entry cannot be moved; those that were moved are back in their place.
    """
    target.mkdir(exist_ok=True)
    old.mkdir()
    moves = [(paths.CONTROLLER_MARK, old / paths.CONTROLLER_MARK.name)] if paths.CONTROLLER_MARK.exists() else []
    moves += [(entry, old / entry.name) for entry in target.iterdir()]
    moves += [(entry, target / entry.name) for entry in fresh.iterdir()]
    done: list[tuple[Path, Path]] = []
    try:
        # A cluster mounts this folder, and its mode depends on the umask with which it was created.
        if stat.S_IMODE(target.stat().st_mode) != modes.FOLDER:
            target.chmod(modes.FOLDER)
        for move in moves:
            move[0].rename(move[1])
            done.append(move)
    except OSError as error:
        for source, place in reversed(done):
            place.rename(source)
        hint = f"ls -la {shlex.quote(archive_facts.shown(target))}"
        raise Problem(f"{archive_facts.shown(target)}: cannot be replaced: {error.strerror}", hint=hint) from error


def _mark() -> dict[str, Any]:
    try:
        mark = json.loads(paths.CONTROLLER_MARK.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return mark if isinstance(mark, dict) else {}


def _identity(chosen: Path, known: dict[str, Any]) -> dict[str, Any]:
    """Return what identifies an origin; an archive that has not been written since is not read again."""
    if chosen == paths.SAMPLE:
        return {"file": str(chosen), "stat": [], "digest": trees.digest(chosen)}
    status = chosen.stat()
    stat = [status.st_size, status.st_mtime_ns, status.st_ino]
    before = known.get("origin", {})
    unread = before.get("file") == str(chosen) and before.get("stat") == stat
    # The stat only saves reading the archive; everything else depends on the digest.
    return {"file": str(chosen), "stat": stat, "digest": before["digest"] if unread else trees.file_digest(chosen)}
