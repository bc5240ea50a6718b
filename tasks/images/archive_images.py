"""Images built from the controller's source and pushed to the registry that the nodes pull from.

A tag says what an image is made of: a reference never means two things, an unchanged image is never pulled again, and a
changed one restarts exactly the workloads that name it.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import shutil
import ssl
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tasks import progress, reasons
from tasks.archive import dockerfiles
from tasks.archive import facts as archive_source
from tasks.archive import source as the_archive_source
from tasks.engines.docker import client
from tasks.engines.docker import images as docker_images
from tasks.engines.files import modes
from tasks.engines.files.lock import alone, part_of
from tasks.engines.go import cgo, modules
from tasks.engines.host import rootfs
from tasks.problems import Problem
from tasks.registry import client as registry_client
from tasks.settings import controller, images, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from tasks.archive.dockerfiles import Copied, GoProgram
    from tasks.settings.controller import SourceImage

_IMAGES = {image.name: image for image in (*controller.CONTROLLER_IMAGES, *controller.FUNCTION_IMAGES)}
# What a Dockerfile copies that this tool puts into the context: the compiled module, and the CAs this machine trusts.
_PROGRAMS = "bin/"
_TRUSTED = "ca-certificates.crt"
_TAG_LENGTH = 12
_PASSED_ON = ("PIP_INDEX_URL",)
# Folder of kind/ with what compiles programs that link C libraries.
_COMPILER = "controller-cgo"
# What lies elsewhere in the archive than where Dockerfiles copy it from.
_MOVED = {
    controller.DRIVERS: controller.DRIVERS_SOURCE,
    controller.FPGA_DATABASE: controller.FPGA_DATABASE_SOURCE,
}


def is_current(name: str) -> bool:
    """Tell whether the registry holds the image that the source makes, or the published one.

    Args:
        name: Name of an image, such as "cpufunction".
    """
    wanted = reference(name)
    return reasons.unless(registry_client.holds(wanted), f"{wanted}: not in the registry")


def build(name: str) -> None:
    """Have an image in the engine, built or pulled unless it is there from an earlier run, and push it.

    Args:
        name: Name of an image.

    Raises:
        Problem: Its source does not compile, a step of its Dockerfile fails, it cannot be pulled, or the registry
            refuses it.
    """
    registry_client.push(_local(_IMAGES[name]), reference(name))
    progress.line(f"{reference(name)}")


def needed() -> dict[str, Any]:
    """Return the tasks of the images that the deployed controller runs, as doit's calculated dependencies."""
    hardware = parameters.current().controller_hardware
    parts = (*controller.deployed("manager", hardware), *controller.deployed("daemon", hardware))
    return {"task_dep": [f"controller_image:{part.image}" for part in parts]}


def reference(name: str) -> str:
    """Return the full name under which nodes pull an image.

    Args:
        name: Name of an image.
    """
    image = _IMAGES[name]
    tag = archive_source.facts().tag if _is_published(image) else inputs(name)[:_TAG_LENGTH]
    return f"{parameters.current().dci_registry_addr_alt}/{name}:{tag}"


def references(names: Iterable[str]) -> dict[str, str]:
    """Return the full names of images by their short names.

    Args:
        names: Names of images, such as "cpufunction".
    """
    return {name: reference(name) for name in names}


def is_in_source(name: str) -> bool:
    """Tell whether the source holds what an image is built from.

    Args:
        name: Name of an image, such as "cpufunc_gst".
    """
    return (archive_source.SOURCE / _IMAGES[name].folder / "Dockerfile").is_file()


def _is_published(image: SourceImage) -> bool:
    """Tell whether an image is taken as its makers publish it; the rest is compiled in any case.

    Raises:
        Problem: The sample controller's are asked for.
    """
    chosen = parameters.current().controller_images == "registry"
    if chosen and the_archive_source.origin() == the_archive_source.SAMPLE:
        raise Problem("CONTROLLER_IMAGES: the sample controller is in no registry", hint="CONTROLLER_IMAGES=source")
    return chosen and image.published


def _local(image: SourceImage) -> str:
    """Return the name of an image in the engine, which it has afterwards."""
    if _is_published(image):
        return docker_images.pull(f"{parameters.current().dci_registry_addr}/{image.name}:{archive_source.facts().tag}")
    _settle_compiler(image)
    tag = f"{image.name}:{inputs(image.name)[:_TAG_LENGTH]}"
    _ensure(tag, inputs(image.name), lambda: _assemble(image), lambda: _parent(image))
    return tag


def _settle_compiler(image: SourceImage) -> None:
    """Have the Go that compiles an image's programs: the digest names the one that really does."""
    if _program(image) or _compiled(image):
        before = modules.version(parameters.current())
        modules.settle(parameters.current())
        if modules.version(parameters.current()) != before:
            inputs.cache_clear()


@cache
def inputs(name: str) -> str:
    """Return the digest of what an image is made of: its Dockerfile, what that copies, and what it starts from.

    Args:
        name: Name of an image.

    Raises:
        Problem: The source is not there.
    """
    image = _IMAGES[name]
    context = archive_source.SOURCE / image.context
    hasher = hashlib.sha256(f"{_parent_inputs(image)} {modes.GIVEN}".encode())
    _add_files(hasher, context, [_dockerfile(image), *_scope(image)])
    program = _program(image)
    if program or _compiled(image):
        hasher.update(modules.version(parameters.current()).encode())
    if program and program.with_c:
        hasher.update(_tool_inputs(_COMPILER).encode())
    return hasher.hexdigest()


def _origin(image: SourceImage) -> str:
    """Return the last path component of what the running stage of a Dockerfile starts from, whatever its tag is."""
    return archive_source.image_name(dockerfiles.stages(_text(image))[-1].parent)


def _parent(image: SourceImage) -> str:
    """Return the name in the engine of what an image starts from, which is there afterwards.

    Raises:
        Problem: It is one that only the user can build, and the engine does not have it.
    """
    name = _origin(image)
    if name in _IMAGES:
        return _local(_IMAGES[name])
    if name == controller.DEEPSTREAM:
        return _deepstream()
    if _packages(image):
        return _tool(image.packages)
    return images.tag(images.BASE, parameters.current())


def _parent_inputs(image: SourceImage) -> str:
    """Return what identifies what an image starts from."""
    name = _origin(image)
    if name in _IMAGES:
        return reference(name) if _is_published(_IMAGES[name]) else inputs(name)
    if name == controller.DEEPSTREAM:
        return docker_images.require(_deepstream()).id
    return _tool_inputs(image.packages) if _packages(image) else _base()


def _packages(image: SourceImage) -> str:
    """Return the folder of what an image's packages come from, unless its Dockerfile is built as it is."""
    return "" if dockerfiles.lets_base_be_chosen(_text(image)) else image.packages


def _deepstream() -> str:
    """Return the name in the engine of the image with DeepStream, of any registry and tag.

    Raises:
        Problem: There is none.
    """
    found = [tag for tag in docker_images.tags() if archive_source.image_name(tag) == controller.DEEPSTREAM]
    if not found:
        raise Problem(
            f"image {controller.DEEPSTREAM}: not in the Docker engine at {client.socket()}; it is built on a GPU",
            hint=f"build {controller.TOP}/{controller.DEEPSTREAM_FOLDER}/Dockerfile as the archive's manual says",
        )
    return max(found)


@cache
def _base() -> str:
    """Return what identifies the image that all of these start from."""
    current = parameters.current()
    bootstrapped = current.base_from == "bootstrap"
    return rootfs.digest(current.cache_dir) if bootstrapped else images.tag(images.BASE, current)


def _arguments(parent: str) -> dict[str, str]:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return {"BASE_IMAGE": parent, **passed_on}


def _dockerfile(image: SourceImage) -> Path:
    file = archive_source.SOURCE / image.folder / "Dockerfile"
    if not file.is_file():
        raise Problem(f"image {image.name}: {controller.TOP}/{image.folder}/Dockerfile is missing")
    return file


def _text(image: SourceImage) -> str:
    return _dockerfile(image).read_text(encoding="utf-8")


def _program(image: SourceImage) -> GoProgram | None:
    """Return the Go program that an image is compiled from, unless its Dockerfile is built as it is or compiles none.

    Raises:
        Problem: The Dockerfile neither compiles a Go program nor lets its base be chosen.
    """
    text = _text(image)
    if dockerfiles.lets_base_be_chosen(text):
        return None
    program = dockerfiles.go_program(text)
    if program is None and not image.packages:
        raise Problem(
            f"image {image.name}: {controller.TOP}/{image.folder}/Dockerfile compiles no Go program (go build -o) and "
            "has no ARG BASE_IMAGE"
        )
    return program


def _copied(image: SourceImage) -> list[str]:
    """Return what a Dockerfile copies from its context, as it names it."""
    found = [copied for stage in dockerfiles.stages(_text(image)) for copied in dockerfiles.copies(stage)]
    return [source for copied in found if not copied.stage for source in copied.sources]


def _compiled(image: SourceImage) -> list[str]:
    """Return the programs that are compiled into the context."""
    return [source.removeprefix(_PROGRAMS) for source in _copied(image) if source.startswith(_PROGRAMS)]


def _scope(image: SourceImage) -> Iterator[Path]:
    """Yield the files of the source that an image is made of."""
    if _compiled(image):
        yield from _files(archive_source.SOURCE / image.context)
        return
    for source in _copied(image):
        if source != _TRUSTED:
            for path in _found(image, source):
                yield from _files(path)


def _found(image: SourceImage, source: str) -> list[Path]:
    """Return the files and folders that a COPY instruction names.

    Raises:
        Problem: There is none.
    """
    moved = _MOVED.get(posixpath.basename(source.rstrip("/")))
    if moved and (archive_source.SOURCE / moved).is_dir():
        return [archive_source.SOURCE / moved]
    found = sorted((archive_source.SOURCE / image.context).glob(source.rstrip("/")))
    if not found:
        raise Problem(f"image {image.name}: its Dockerfile copies {source}, which is not in {image.context}")
    return found


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or path.is_file():
        yield path
    else:
        yield from (inner for inner in path.rglob("*") if inner.is_symlink() or inner.is_file())


def _add_files(hasher: hashlib._Hash, root: Path, files: Iterable[Path]) -> None:
    """Add names, contents and permissions to execute; what a link points at counts, where it is there."""
    for file in sorted(set(files)):
        mode = "x" if modes.is_executable(file) else "-"
        content = file.read_bytes() if file.is_file() else str(file.readlink()).encode()
        hasher.update(f"{os.path.relpath(file, root)}\0{mode}\0{len(content)}\0".encode())
        hasher.update(content)


def _ensure(tag: str, made_of: str, assemble: Callable[[], Path], parent: Callable[[], str]) -> None:
    """Have an image in the engine, unless it is there and made of the same; of two that want it, one builds it."""
    with alone(paths.BUILD / "context" / tag):
        found = docker_images.find(tag)
        if found is None or found.labels.get(images.INPUTS_LABEL) != made_of:
            arguments = _arguments(parent())
            context = assemble()
            modes.normalise(context)
            docker_images.build(context, tag, build_args=arguments, labels={images.INPUTS_LABEL: made_of})
            shutil.rmtree(context)


def _assemble(image: SourceImage) -> Path:
    """Return a fresh build context with what the Dockerfile copies, and no more of the source."""
    context = part_of(paths.BUILD / "context" / image.name)
    if not dockerfiles.lets_base_be_chosen(_text(image)):
        return _assemble_on_base(image, context)
    context.mkdir(parents=True)
    source = archive_source.SOURCE / image.context
    for file in _scope(image):
        _copy(file, context / file.relative_to(source))
    for name in _compiled(image):
        modules.build_tree(source, ".", context / _PROGRAMS / name, parameters.current())
    if _TRUSTED in _copied(image):
        shutil.copyfile(_trusted_certificates(), context / _TRUSTED)
    shutil.copyfile(_dockerfile(image), context / "Dockerfile")
    return context


def _assemble_on_base(image: SourceImage, context: Path) -> Path:
    """Fill the build context of a Dockerfile that starts elsewhere: its running stage on what it starts from here."""
    program = _program(image)
    context.mkdir(parents=True)
    if program:
        _compile(image, program, context)
    _copy_all(image, dockerfiles.runtime_copies(_text(image), program), context, keep_paths=True)
    (context / "Dockerfile").write_text(dockerfiles.on_base(_text(image), program), encoding="utf-8")
    return context


def _compile(image: SourceImage, program: GoProgram, context: Path) -> None:
    """Put a program's source together as its Dockerfile does, and compile it into the context."""
    workspace = part_of(context.with_name(f"{image.name}.source"))
    _copy_all(image, program.copies, workspace)
    module = workspace / program.module.lstrip("/")
    if program.with_c:
        archive_source.say_what_drivers_lack(image.name)
        compile_with_c(module, program.package, program.name, context)
    else:
        modules.build_tree(module, program.package, context / _PROGRAMS / program.name, parameters.current())
    shutil.rmtree(workspace)


def compile_with_c(module: Path, package: str, program: str, output: Path) -> None:
    """Compile a Go program that links the drivers' library.

    Args:
        module: Folder of its go.mod, with the drivers beside it.
        package: What is compiled, relative to `module`.
        program: File name of the program.
        output: Folder that gets `bin/` with the program and `lib/` with the libraries that the base lacks.

    Raises:
        Problem: It does not compile; the details carry the compiler's words.
    """
    cgo.build_tree(cgo.CProgram(module, package, program, _tool(_COMPILER)), output, parameters.current())


def compiler_digest() -> str:
    """Return the digest of what compiles programs that link C libraries."""
    return _tool_inputs(_COMPILER)


def _copy_all(image: SourceImage, copied: Iterable[Copied], target: Path, *, keep_paths: bool = False) -> None:
    """Carry out COPY instructions: to their targets, or under the paths that they have in the context."""
    for instruction in copied:
        for source in instruction.sources:
            place = target / (source if keep_paths else instruction.target).lstrip("/")
            for found in _found(image, source):
                inside = found.is_dir() or keep_paths or not instruction.target.endswith("/")
                for file in _files(found):
                    _copy(file, (place if inside else place / found.name) / file.relative_to(found))


def _copy(file: Path, target: Path) -> None:
    """Copy a file, or what a link points at where that is there."""
    modes.copy(file, target)


def _tool(folder: str) -> str:
    """Return the name in the engine of an image made of a folder of kind/ on the base, which is there afterwards."""
    tag = f"openkasugai-{folder}:{_tool_inputs(folder)[:_TAG_LENGTH]}"
    base = images.tag(images.BASE, parameters.current())
    _ensure(tag, _tool_inputs(folder), lambda: _tool_context(folder), lambda: base)
    return tag


@cache
def _tool_inputs(folder: str) -> str:
    """Return the digest of what such an image is made of."""
    hasher = hashlib.sha256(f"{_base()} {modes.GIVEN}".encode())
    _add_files(hasher, paths.KIND / folder, _files(paths.KIND / folder))
    return hasher.hexdigest()


def _tool_context(folder: str) -> Path:
    context = part_of(paths.BUILD / "context" / folder)
    shutil.copytree(paths.KIND / folder, context)
    return context


def _trusted_certificates() -> Path:
    """Return the CAs that this machine trusts: a build behind a proxy of a company sees certificates of its CA."""
    chosen = os.environ.get("PIP_CERT") or ssl.get_default_verify_paths().cafile
    fallback = Path("/etc/ssl/certs/ca-certificates.crt")
    return Path(chosen) if chosen else fallback
