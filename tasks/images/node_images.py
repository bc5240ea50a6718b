"""Builds the node images. An image is fresh while its label carries the digest of all that it is made of."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from typing import TYPE_CHECKING, Any

from tasks import progress, reasons
from tasks.archive import facts as the_archive_source
from tasks.engines.docker import images as docker_images
from tasks.engines.files import digests, modes
from tasks.engines.files import trees as files_trees
from tasks.engines.files.lock import part_of
from tasks.engines.go import cgo, proxy
from tasks.engines.go import modules as go_modules
from tasks.engines.host import rootfs
from tasks.images import programs as sources
from tasks.images import runtime
from tasks.problems import Problem
from tasks.settings import gpu, images, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tasks.engines.host.facts import Host
    from tasks.settings.artifacts import GoArtifact
    from tasks.settings.images import ArchivePart, ModuleFiles, NodeImage, Programs

# Texts for people: no part of an image.
_NOT_COPIED = shutil.ignore_patterns("*.md")
_SCRIPT_MARK = b"#!"
_SHORT = 12
# Stands for the programs that an image is made without.
_ABSENT = "not to be had"


def runtime_image() -> dict[str, list[str]]:
    """Return the task of the image that holds the nodes' runtime, in doit's words for calculated dependencies."""
    return {"task_dep": [f"image:{images.RUNTIME_IMAGES[runtime.chosen()]}"]}


def choose_runtime() -> dict[str, list[str]]:
    """Return the same once the runtime has been chosen.

    Raises:
        Problem: NODE_RUNTIME is auto, and the module proxy does not answer.
    """
    runtime.choose()
    return runtime_image()


def archive_source() -> dict[str, list[str]]:
    """Return the task of the controller's source where an image takes a part of it, in doit's words."""
    return {"task_dep": ["controller_source"] if any(map(_archive_part, images.NODE_IMAGES)) else []}


def gpu_image() -> dict[str, list[str]]:
    """Return the task of the image with the NVIDIA driver where a worker has it, in doit's words."""
    return {"task_dep": [f"image:{images.GPU_IMAGE}"] if lends_gpu() else []}


def lends_gpu() -> bool:
    """Return whether the first worker's image has the NVIDIA driver: as GPU says, or if there is something to lend."""
    current = parameters.current()
    if current.gpu != "auto":
        return current.gpu == "yes"
    present = _driver().is_file() and bool(_machine().devices(gpu.NVIDIA, gpu.DISPLAY))
    return present and runtime.chosen() == runtime.CRIO


def node_image(suffix: str) -> str:
    """Return the full name of the image of a node.

    Args:
        suffix: What follows the cluster's name in the node's.
    """
    name = images.GPU_IMAGE if suffix == gpu.NODE_SUFFIX and lends_gpu() else images.NODE_IMAGE
    return images.tag(name, parameters.current())


def base_is_current() -> bool:
    """Return whether the image that the chain starts from is the one that a build would start from."""
    if parameters.current().base_from == "registry":
        return True
    return _carries(
        images.tag(images.BASE, parameters.current()), lambda: rootfs.digest(parameters.current().cache_dir)
    )


def build_base() -> None:
    """Have the image that the chain starts from, where it is bootstrapped; a registry's is pulled by the first build.

    Raises:
        Problem: It cannot be bootstrapped on this machine.
    """
    tag = images.tag(images.BASE, parameters.current())
    docker_images.import_rootfs(
        rootfs.bootstrap(parameters.current().cache_dir),
        tag,
        labels={images.INPUTS_LABEL: rootfs.digest(parameters.current().cache_dir)},
    )


def is_current(name: str) -> bool:
    """Return whether the live image is what its inputs make.

    Args:
        name: Name of a node image.
    """
    image = images.named(name)
    return _carries(images.tag(name, parameters.current()), lambda: inputs(image), lambda: _named_parts(image))


def build(name: str) -> None:
    """Build a node image from a fresh context.

    Args:
        name: Name of a node image.

    Raises:
        Problem: A program does not compile, the parent is missing, or a step of the Dockerfile fails.
    """
    image = images.named(name)
    if image.driver:
        _check_driver()
    context = part_of(paths.BUILD / "context" / name)
    _assemble(image, context)
    tag = images.tag(name, parameters.current())
    progress.step(f"building {tag}")
    labels = {images.INPUTS_LABEL: inputs(image), images.PARTS_LABEL: json.dumps(_named_parts(image))}
    docker_images.build(context, tag, build_args=_arguments(image), labels=labels)
    shutil.rmtree(context)


def inputs(image: NodeImage) -> str:
    """Return the digest of what an image is made of, as a SHA-256. Nothing is compiled for it.

    Args:
        image: A node image; its parent is already there.

    Raises:
        Problem: An artifact's go.mod pins another version than its parameter names.
    """
    return hashlib.sha256(json.dumps(_parts(image), sort_keys=True).encode()).hexdigest()


def _parts(image: NodeImage) -> dict[str, Any]:
    """Return what an image is made of."""
    return {
        "files": {str(source): _tree(paths.KIND / source) for source in (image.name, *image.shared)},
        "programs": [[_made_of(part), part.names, part.folder] for part in _programs(image)],
        "modules": [
            [go_modules.definition(part.artifact, parameters.current()), part.path, part.folder] for part in image.files
        ],
        "arguments": _arguments(image),
        **({"driver": digests.sha256(_driver(), parameters.current().cache_dir)} if image.driver else {}),
        **({"archive": _archive_digest(part)} if (part := _archive_part(image)) else {}),
        "parent": _parent_id(image),
    }


def _named_parts(image: NodeImage) -> dict[str, str]:
    """Return the same in words that a user knows, so that the next plan can tell what changed."""
    parts = _parts(image)
    parent = parts["parent"].removeprefix("sha256:")
    files = {
        f"kind/{folder}/{name}": _short(found)
        for folder, tree in parts["files"].items()
        for name, found in tree.items()
    }
    made = {f"programs of {use.artifact.name}": _made_of(use) for use in _programs(image)}
    programs = {name: what if what == _ABSENT else _short(what) for name, what in made.items()}
    modules = {
        f"files of {use.artifact.name}": _short(go_modules.definition(use.artifact, parameters.current()))
        for use in image.files
    }
    return {
        **parts["arguments"],
        **files,
        **programs,
        **modules,
        **({"driver": parts["driver"][:_SHORT]} if image.driver else {}),
        **({f"archive's {part.source}": parts["archive"][:_SHORT]} if (part := _archive_part(image)) else {}),
        "parent image": parent[:_SHORT] if parent != parts["parent"] else parent,
    }


def _programs(image: NodeImage) -> list[Programs]:
    return [use for use in image.programs if use.wanted(parameters.current())]


def _made_of(programs: Programs) -> str:
    return _ABSENT if _refusal(programs) else sources.definition(programs.artifact)


def _refusal(programs: Programs) -> str:
    """Return why an image is made without these programs, or nothing."""
    return proxy.refusal(programs.artifact, parameters.current()) if programs.optional else ""


def _short(part: Any) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:_SHORT]


def _carries(tag: str, wanted: Callable[[], str], parts: Callable[[], Mapping[str, str]] = dict) -> bool:
    """Return whether the live image says that it was made from these inputs; else say what differs."""
    found = docker_images.find(tag)
    if found is None:
        return reasons.absent(f"image {tag}")
    if found.labels.get(images.INPUTS_LABEL) == wanted():
        return True
    before = json.loads(found.labels.get(images.PARTS_LABEL, "{}"))
    now = parts() if before else {}
    changed = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    for name in changed or [f"image {tag}"]:
        reasons.remakes(f"{name}: {before.get(name, 'something else')} -> {now.get(name, 'other inputs')}")
    return False


def _parent_id(image: NodeImage) -> str:
    """Return what identifies the parent: its id, or its name where BuildKit pulls it and the engine never lists it."""
    current = parameters.current()
    tag = _parent_tag(image)
    pulled = image.parent == images.BASE and current.base_from == "registry"
    return tag if pulled or image.parent == images.SCRATCH else docker_images.require(tag).id


def _arguments(image: NodeImage) -> dict[str, str]:
    current = parameters.current()
    part = _archive_part(image)
    names = (*image.arguments, *part.arguments) if part else image.arguments
    values = {name: str(getattr(current, name.lower())) for name in names}
    facts = {name: _FACTS[name]() for name in image.facts}
    hardware = {"HARDWARE": part.hardware} if part else {}
    return {"BASE_IMAGE": _parent_tag(image), **hardware, **values, **facts}


def _archive_part(image: NodeImage) -> ArchivePart | None:
    """Return what an image takes of the controller's archive with these parameters."""
    part = image.archive
    return part if part and part.hardware in parameters.current().controller_hardware else None


def _archive_folder(part: ArchivePart) -> Path:
    """Return that part of the unpacked archive.

    Raises:
        Problem: It is not there; an archive made without its submodule lacks it.
    """
    folder = the_archive_source.SOURCE / part.source
    if not (folder / "lib").is_dir():
        raise Problem(
            f"CONTROLLER_HARDWARE: {part.hardware} needs controller/{part.source}/lib, which the archive lacks",
            hint='README.md, "The controller archive"',
        )
    return folder


def _archive_digest(part: ArchivePart) -> str:
    return files_trees.digest(_archive_folder(part))


def _parent_tag(image: NodeImage) -> str:
    parent = image.parent
    if parent == images.RUNTIME:
        parent = images.RUNTIME_IMAGES[runtime.chosen()]
    return images.tag(parent, parameters.current())


def _machine() -> Host:
    from tasks.engines.host import facts as host_facts

    return host_facts.Host()


def _driver() -> Path:
    return paths.DRIVER / parameters.current().nvidia_driver_file


def _check_driver() -> None:
    """Refuse to start a build without the installer that is wanted."""
    file, wanted = _driver(), parameters.current().nvidia_driver_sha256
    if not file.is_file():
        raise Problem(
            f"NVIDIA_DRIVER_FILE: driver/nvidia/{file.name} is not there",
            hint=f"cp {shlex.quote(file.name)} driver/nvidia/",
        )
    found = digests.sha256(file, parameters.current().cache_dir)
    if wanted and found != wanted:
        raise Problem(f"NVIDIA_DRIVER_SHA256: driver/nvidia/{file.name} has {found}, not {wanted}")


_FACTS = {"KERNEL_RELEASE": lambda: _machine().kernel}


def _tree(folder: Path) -> dict[str, list[str]]:
    """Return digest and mode of each file of a folder that goes into a context."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".md")
    return {
        path.relative_to(folder).as_posix(): [hashlib.sha256(path.read_bytes()).hexdigest(), _executable(path)]
        for path in files
    }


def _executable(path: Path) -> str:
    return "x" if modes.is_executable(path) else "-"


def _assemble(image: NodeImage, context: Path) -> None:
    shutil.copytree(paths.KIND / image.name, context, ignore=_NOT_COPIED)
    for folder in image.shared:
        shutil.copytree(paths.KIND / folder, context / folder, ignore=_NOT_COPIED)
    for files in image.files:
        _add_module_files(files, context)
    for programs in _programs(image):
        _add_programs(programs, context)
    if image.driver:
        (context / "driver").mkdir()
        modes.link(_driver(), context / "driver" / _driver().name)
    if part := _archive_part(image):
        shutil.copytree(_archive_folder(part), context / part.folder)
        the_archive_source.say_what_drivers_lack(image.name)
    modes.normalise(context)


def _add_module_files(files: ModuleFiles, context: Path) -> None:
    """Copy files of a module; the module cache is read-only and a module archive knows no execute bits."""
    source = go_modules.module_folder(files.artifact, files.artifact.module, parameters.current()) / files.path
    for path in sorted(source.rglob("*")):
        target = context / files.folder / path.relative_to(source)
        if path.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            content = path.read_bytes()
            target.write_bytes(content)
            target.chmod(modes.PROGRAM if content.startswith(_SCRIPT_MARK) else modes.FILE)


def _add_programs(programs: Programs, context: Path) -> None:
    folder = context / programs.folder
    folder.mkdir(exist_ok=True)
    if refused := _refusal(programs):
        progress.line(f"Made without {programs.artifact.name}: {refused}")
        return
    compiled = programs.artifact.compiler
    built = _compiled(programs.artifact) if compiled else sources.folder(programs.artifact, programs.names)
    for name in programs.names:
        modes.link(built / name, folder / name)


def _compiled(artifact: GoArtifact) -> Path:
    """Have the programs of an artifact that links C libraries, compiled in a container of the base image.

    Raises:
        Problem: The module proxy does not have its source, or it does not compile.
    """
    if refused := proxy.refusal(artifact, parameters.current()):
        raise Problem(f"{artifact.name} cannot be built: {refused}", hint="NODE_RUNTIME=auto, or CRIO_FROM=packages")
    return go_modules.build(artifact, parameters.current(), lambda output: _compile_with_c(artifact, output)) / "bin"


def _compile_with_c(artifact: GoArtifact, output: Path) -> None:
    if not is_current(artifact.compiler):
        build(artifact.compiler)
    compiler = images.tag(artifact.compiler, parameters.current())
    for program in artifact.programs:
        made = cgo.CProgram(paths.ROOT / artifact.folder, program.package, program.name, compiler)
        cgo.build_tree(made, output, parameters.current())
