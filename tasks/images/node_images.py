"""How a node image is made: the recipe for a row of settings/images.py and its folder of kind/."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from tasks import progress
from tasks.archive import facts as archive
from tasks.engines.docker import images as docker_images
from tasks.engines.files import digests, modes, trees
from tasks.engines.go import cgo, proxy
from tasks.engines.go import modules as go_modules
from tasks.engines.go import sources as go_sources
from tasks.images import base, building, machine, runtime
from tasks.images import programs as sources
from tasks.images.recipe import Definition, Recipe, digest, put_folder, tree
from tasks.problems import Problem
from tasks.settings import images, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tasks.lack import Lack
    from tasks.settings.artifacts import GoArtifact
    from tasks.settings.images import ArchivePart, ModuleFiles, NodeImage, Programs
    from tasks.settings.parameters.model import Parameters

_SCRIPT_MARK = b"#!"
_SHORT = 12
# Stands for programs whose source is not available, so that the image lacks them.
_ABSENT = "not to be had"


def lack(name: str) -> Lack:
    """Return what differs between the live image and the one that its inputs make.

    Args:
        name: Name of a node image.
    """
    return building.lack_of(recipe(images.named(name), parameters.current()))


def build(name: str) -> None:
    """Build a node image from a fresh context.

    Args:
        name: Name of a node image.

    Raises:
        Problem: A program does not compile, the parent is missing, or a step of the Dockerfile fails.
    """
    current = parameters.current()
    image = images.named(name)
    if image.driver:
        machine.require_driver(current)
    waiting = unresolved(image, current)
    for artifact in waiting:
        go_sources.resolve(artifact, current)
    # Only now can such an image be compared with what it would be made of.
    if not waiting or building.lack_of(recipe(image, current)):
        building.build(recipe(image, current))


def recipe(image: NodeImage, current: Parameters) -> Recipe:
    """Return the recipe for an image; this compiles nothing, and its digest is computed on demand.

    Args:
        image: A node image.
        current: The parameters of the run.
    """
    parent = _parent(image, current)
    return Recipe(
        tag=images.tag(image.name, current),
        parent=parent,
        contents=tuple(_contents(image, current)),
        define=lambda: _Inputs(image, parent, current).definition(),
        arguments=_arguments(image, current),
    )


def unresolved(image: NodeImage, current: Parameters) -> list[GoArtifact]:
    """Return the artifacts without which an image cannot be made, and whose modules are not resolved yet.

    Args:
        image: A node image.
        current: The parameters of the run.
    """
    needed = [use.artifact for use in _programs(image, current) if not use.optional]
    compiled = [one for one in needed if _is_in_words(sources.definition(one, current))]
    return [*compiled, *(use.artifact for use in image.files if not go_sources.is_resolved(use.artifact, current))]


def archive_part(image: NodeImage, current: Parameters) -> ArchivePart | None:
    """Return the part of the controller's archive that an image takes with these parameters, if any."""
    part = image.archive
    return part if part and part.hardware in current.controller_hardware else None


def _contents(image: NodeImage, current: Parameters) -> Iterator[Callable[[Path], None]]:
    """Yield the functions that put the parts of an image into the build context."""
    yield partial(put_folder, paths.KIND / image.name, ".")
    for folder in image.shared:
        yield partial(put_folder, paths.KIND / folder, folder)
    for files in image.files:
        yield partial(_put_module_files, files, current)
    for use in _programs(image, current):
        yield partial(_put_programs, use, current)
    if image.driver:
        yield partial(_put_driver, machine.driver(current))
    if part := archive_part(image, current):
        yield partial(_put_archive_part, image, part)


@dataclass(frozen=True)
class _Inputs:
    """What an image is made of, with its parent's name."""

    image: NodeImage
    parent: str
    current: Parameters

    def definition(self) -> Definition:
        """Return the inputs as a digest and in words.

        Raises:
            Problem: The parent is missing.
        """
        parts = self._parts()
        return Definition(digest([_as_json(parts)]), self._named(parts))

    def _parts(self) -> dict[str, Any]:
        image, current = self.image, self.current
        part = archive_part(image, current)
        return {
            "files": {str(source): tree(paths.KIND / source) for source in (image.name, *image.shared)},
            "programs": [[_made_of(use, current), use.names, use.folder] for use in _programs(image, current)],
            "modules": [[go_modules.definition(use.artifact, current), use.path, use.folder] for use in image.files],
            "arguments": {"BASE_IMAGE": self.parent, **_arguments(image, current)},
            **({"driver": digests.sha256(machine.driver(current), current.cache_dir)} if image.driver else {}),
            **({"archive": trees.digest(_archive_folder(part))} if part else {}),
            "parent": self._parent_id(),
        }

    def _named(self, parts: dict[str, Any]) -> dict[str, str]:
        """Return the parts in words that a user knows, so that the next plan can show what changed."""
        image, part = self.image, archive_part(self.image, self.current)
        uses = zip(_programs(image, self.current), parts["programs"], strict=True)
        parent = parts["parent"].removeprefix("sha256:")
        return {
            **parts["arguments"],
            **{
                f"kind/{folder}/{name}": _short(found)
                for folder, found_in in parts["files"].items()
                for name, found in found_in.items()
            },
            **{
                f"programs of {use.artifact.name}": what if _is_in_words(what) else _short(what)
                for use, (what, *_) in uses
            },
            **{
                f"files of {use.artifact.name}": what if _is_in_words(what) else _short(what)
                for use, (what, *_) in zip(image.files, parts["modules"], strict=True)
            },
            **({"driver": parts["driver"][:_SHORT]} if image.driver else {}),
            **({f"archive's {part.source}": parts["archive"][:_SHORT]} if part else {}),
            "parent image": parent[:_SHORT] if parent != parts["parent"] else parent,
        }

    def _parent_id(self) -> str:
        """Return the parent's id, or its name if BuildKit pulls it, since the engine never lists it then."""
        pulled = self.image.parent == images.BASE and self.current.base_from == "registry"
        return self.parent if pulled or self.image.parent == images.SCRATCH else docker_images.require(self.parent).id


def _as_json(part: Any) -> bytes:
    return json.dumps(part, sort_keys=True).encode()


def _short(part: Any) -> str:
    return digest([_as_json(part)])[:_SHORT]


def _is_in_words(made_of: str) -> bool:
    return made_of == _ABSENT or made_of.endswith(go_modules.UNRESOLVED)


def _programs(image: NodeImage, current: Parameters) -> list[Programs]:
    return [use for use in image.programs if use.is_wanted(current)]


def _made_of(programs: Programs, current: Parameters) -> str:
    artifact = programs.artifact
    if go_sources.is_resolved(artifact, current):
        refused = _refusal(programs, current)
    else:  # nothing is resolved only to know what an image is made of
        refused = (proxy.known(artifact, current, base.linked(artifact, current)) or "") if programs.optional else ""
    return _ABSENT if refused else sources.definition(artifact, current)


def _refusal(programs: Programs, current: Parameters) -> str:
    """Return why an image is made without these programs, or an empty string."""
    artifact = programs.artifact
    return proxy.refusal(artifact, current, base.linked(artifact, current)) if programs.optional else ""


def _parent(image: NodeImage, current: Parameters) -> str:
    name = images.parent_name(image, runtime.chosen(current)) if image.parent == images.RUNTIME else image.parent
    return images.tag(name, current)


def _arguments(image: NodeImage, current: Parameters) -> dict[str, str]:
    part = archive_part(image, current)
    names = (*image.arguments, *part.arguments) if part else image.arguments
    values = {name: str(getattr(current, name.lower())) for name in names}
    facts = {name: machine.FACTS[name]() for name in image.facts}
    return {**({"HARDWARE": part.hardware} if part else {}), **values, **facts}


def _archive_folder(part: ArchivePart) -> Path:
    """Return the folder of a part of the unpacked archive.

    Raises:
        Problem: It is not there; an archive made without its submodule lacks it.
    """
    folder = paths.CONTROLLER / part.source
    if not (folder / "lib").is_dir():
        raise Problem(
            f"CONTROLLER_HARDWARE: {part.hardware} needs controller/{part.source}/lib, which the archive lacks",
            hint='README.md, "The controller archive"',
        )
    return folder


def _put_driver(file: Path, context: Path) -> None:
    (context / "driver").mkdir()
    modes.link(file, context / "driver" / file.name)


def _put_archive_part(image: NodeImage, part: ArchivePart, context: Path) -> None:
    shutil.copytree(_archive_folder(part), context / part.folder)
    archive.say_what_drivers_lack(image.name)


def _put_module_files(files: ModuleFiles, current: Parameters, context: Path) -> None:
    """Copy files of a module and set their modes: the cache is read-only, and module archives lack execute bits."""
    source = go_modules.module_folder(files.artifact, files.artifact.module, current) / files.path
    for path in sorted(source.rglob("*")):
        target = context / files.folder / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            target.write_bytes(content)
            target.chmod(modes.PROGRAM if content.startswith(_SCRIPT_MARK) else modes.FILE)


def _put_programs(programs: Programs, current: Parameters, context: Path) -> None:
    folder = context / programs.folder
    folder.mkdir(exist_ok=True)
    if refused := _refusal(programs, current):
        progress.line(f"Made without {programs.artifact.name}: {refused}")
        return
    artifact = programs.artifact
    built = _compile(programs, current) if artifact.compiler else sources.folder(artifact, programs.names, current)
    for name in programs.names:
        modes.link(built / name, folder / name)


def _compile(programs: Programs, current: Parameters) -> Path:
    """Compile programs that link C libraries, in a container on the base image, and return their folder.

    Raises:
        Problem: The module proxy does not have its source, or it does not compile.
    """
    artifact, linked = programs.artifact, base.identity(current)
    if refused := proxy.refusal(artifact, current, linked):
        raise Problem(f"{artifact.name} cannot be built: {refused}", hint=programs.instead)
    return go_modules.build_with_c(artifact, current, linked, partial(_compile_with_c, artifact, current)) / "bin"


def _compile_with_c(artifact: GoArtifact, current: Parameters, output: Path) -> None:
    compiler = building.ensure_image(recipe(images.named(artifact.compiler), current))
    source = cgo.CSource(go_sources.folder(artifact, current), artifact.programs)
    cgo.build(source, compiler, output, current)
