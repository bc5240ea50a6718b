"""The controller's source in build/controller: the archive, unpacked and checked, or the sample.

build/controller is mounted into every node at /root/controller. A mount refers to the folder itself, so the folder
stays and its entries are replaced.
"""

from __future__ import annotations

import json
import shlex
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks import lack as lacks
from tasks import progress
from tasks.archive import facts as archive_facts
from tasks.archive import folder, origin
from tasks.engines.files import archives, atomic, contents, modes, trees
from tasks.problems import Problem
from tasks.settings import controller, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tasks.lack import Lack

_LEFTOVERS = "controller.part-*"
_DRIVERS = f"{controller.DRIVERS_SOURCE}/lib"
# How many changed files are named.
_NAMED = 3


def prepare() -> None:
    """Put the controller's source into build/controller, replacing what differs there.

    Raises:
        Problem: There is no source, or it is not a valid one of the controller.
    """
    current = parameters.current()
    chosen = origin.of(current)
    place = paths.source().parent
    place.mkdir(exist_ok=True)
    for leftover in place.glob(_LEFTOVERS):
        shutil.rmtree(leftover)
    take = _take_folder if chosen.is_dir() else _take_archive
    with tempfile.TemporaryDirectory(prefix=_LEFTOVERS.rstrip("*"), dir=place) as made:
        mark = take(chosen, current.controller_hardware, Path(made))
    atomic.write(paths.source_mark(), json.dumps(mark))
    archive_facts.facts.cache_clear()
    progress.line(f"controller {archive_facts.facts().tag} from {archive_facts.shown(chosen)}")


def lack() -> Lack:
    """Return how build/controller differs from the chosen origin."""
    mark = _mark()
    if not mark or not paths.source().is_dir():
        return lacks.absent(archive_facts.shown(paths.source()))
    chosen = origin.of(parameters.current())
    if mark.get("origin") != _identity(chosen, mark):
        return lacks.of(f"{_changed(chosen, mark)}: changed")
    return lacks.unless(
        mark.get("content") == trees.listing(paths.source()),
        f"{archive_facts.shown(paths.source())}: changed by hand",
    )


def _changed(chosen: Path, mark: dict[str, Any]) -> str:
    """Return the first files of a folder that changed, or the name of an origin that is another one."""
    shown = archive_facts.shown(chosen)
    if not chosen.is_dir() or mark.get("origin", {}).get("file") != str(chosen):
        return shown
    names = [f"{shown}/{path}" for path in folder.difference(mark.get("files", {}), folder.of(chosen))]
    more = [f"{len(names) - _NAMED} more files"] if len(names) > _NAMED else []
    return ", ".join([*names[:_NAMED], *more]) or shown


def digest() -> str:
    """Return the digest of the source in build/controller.

    Raises:
        Problem: It is not there.
    """
    mark = _mark()
    if not mark:
        raise Problem(f"{archive_facts.shown(paths.source())}: not there", hint="./doit controller_source")
    return str(mark["origin"]["digest"])


def edited(copy: Path | None) -> str:
    """Return the file that the user edits for one of build/controller, with the folder or archive that it came from.

    Args:
        copy: The file; a link counts as what it leads to. None for a file that did not come from there.
    """
    top = paths.source().resolve()
    if copy is None or not copy.resolve().is_relative_to(top):
        return ""
    chosen = Path(_mark().get("origin", {}).get("file", paths.source()))
    shown = archive_facts.shown(chosen) if chosen.is_dir() else controller.TOP
    return f"{shown}/{copy.resolve().relative_to(top).as_posix()}"


def check(root: Path, shown: str, hardware: Collection[str]) -> None:
    """Stop if a source lacks a part that is needed later.

    Args:
        root: Top folder of the source.
        shown: What messages put before a path in it.
        hardware: What CONTROLLER_HARDWARE asks for.

    Raises:
        Problem: One line per missing part.
    """
    missing = [part for part in (*_required_parts(hardware), *_required_drivers(root)) if not (root / part).exists()]
    if missing:
        lines = "\n".join(f"{shown}{part} is missing" for part in missing)
        raise Problem(lines, hint=_cure(root, missing))


def _cure(root: Path, missing: Collection[str]) -> str:
    """Return what brings the missing parts."""
    if (root / ".git").exists() and set(missing) == {_DRIVERS}:
        return f"git -C {shlex.quote(str(root))} submodule update --init {controller.DRIVERS_SOURCE}"
    return origin.ARCHIVE_README if root.is_relative_to(paths.source().parent) else origin.FOLDER_README


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
        yield _DRIVERS


def _take_archive(archive: Path, hardware: Collection[str], made: Path) -> dict[str, Any]:
    """Put an archive in the place of the source, and return what is there now."""
    shown = archive_facts.shown(archive)
    how = f"tar --exclude .git -czf {shlex.quote(shown)} {controller.TOP} ({origin.ARCHIVE_README})"
    fresh, old, target = made / controller.TOP, made / "old", paths.source()
    archives.unpack(archives.Archive(archive, controller.TOP, shown, how), made)
    check(fresh, f"{shown}: {controller.TOP}/", hardware)
    archive_facts.facts_of(fresh)
    mark = {"origin": _identity(archive, {}), "content": trees.listing(fresh)}
    # The source has passed every check by now; only renaming is left.
    target.mkdir(exist_ok=True)
    moves = [(entry, old / entry.name) for entry in target.iterdir()]
    _move([*moves, *((entry, target / entry.name) for entry in fresh.iterdir())], old)
    return mark


def _take_folder(chosen: Path, hardware: Collection[str], made: Path) -> dict[str, Any]:
    """Let the source follow a folder, and return what is there now."""
    shown, fresh, old, target = archive_facts.shown(chosen), made / controller.TOP, made / "old", paths.source()
    check(chosen, f"{shown}/" if chosen != paths.SAMPLE else f"{shown}: {controller.TOP}/", hardware)
    archive_facts.facts_of(chosen)
    wanted, held = folder.of(chosen), _held()
    changed = folder.difference(held, wanted)
    # What the copies hold counts: a file may have been written since it was looked at.
    wanted |= folder.copy(chosen, [path for path in changed if path in wanted], fresh)
    moves = [(target / path, old / path) for path in changed if path in held]
    moves += [(fresh / path, target / path) for path in changed if path in wanted]
    _move(moves, old)
    trees.prune(target)
    modes.normalise(target)
    found = {"file": str(chosen), "stat": [], "digest": contents.digest(wanted)}
    return {"origin": found, "files": wanted, "content": trees.listing(target)}


def _held() -> dict[str, str]:
    """Return what the files of build/controller hold; they are read unless the mark says it."""
    mark = _mark()
    known: dict[str, str] = mark.get("files", {})
    is_known = bool(known) and paths.source().is_dir() and mark.get("content") == trees.listing(paths.source())
    return known if is_known else folder.of_copy(paths.source())


def _move(moves: list[tuple[Path, Path]], old: Path) -> None:
    """Replace entries of build/controller; a missing mark shows that a run died in between.

    Raises:
        Problem: An entry cannot be moved; those that were moved are back in their place.
    """
    target, mark = paths.source(), paths.source_mark()
    done: list[tuple[Path, Path]] = []
    try:
        # A cluster mounts this folder, and its mode depends on the umask with which it was created.
        target.mkdir(exist_ok=True)
        if stat.S_IMODE(target.stat().st_mode) != modes.FOLDER:
            target.chmod(modes.FOLDER)
        for source, place in [*([(mark, old / mark.name)] if mark.exists() else []), *moves]:
            _rename(source, place)
            done.append((source, place))
    except OSError as error:
        for source, place in reversed(done):
            _rename(place, source)
        hint = f"ls -la {shlex.quote(archive_facts.shown(target))}"
        raise Problem(f"{archive_facts.shown(target)}: cannot be replaced: {error.strerror}", hint=hint) from error


def _rename(source: Path, place: Path) -> None:
    """Move an entry to where there is none; a folder without files may be there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir() and not place.is_symlink():
        trees.prune(place)
        place.rmdir()
    source.rename(place)


def _mark() -> dict[str, Any]:
    try:
        mark = json.loads(paths.source_mark().read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return mark if isinstance(mark, dict) else {}


def _identity(chosen: Path, known: dict[str, Any]) -> dict[str, Any]:
    """Return what identifies an origin; an archive that has not been written since is not read again."""
    if chosen.is_dir():
        return {"file": str(chosen), "stat": [], "digest": contents.digest(folder.of(chosen))}
    status = chosen.stat()
    stat = [status.st_size, status.st_mtime_ns, status.st_ino]
    before = known.get("origin", {})
    unread = before.get("file") == str(chosen) and before.get("stat") == stat
    # The stat only saves reading the archive; everything else depends on the digest.
    return {"file": str(chosen), "stat": stat, "digest": before["digest"] if unread else trees.file_digest(chosen)}
