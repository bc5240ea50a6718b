"""The node images as tests look at them: what each is made of, and which of them a change makes stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.files import modes
from tasks.images import node_images
from tasks.settings import images as table
from tasks.settings import parameters

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.images.recipe import Definition

CRIO = table.named("kind-ubuntu-node-crio")
NODE = table.named("kind-ubuntu-node")
LAST = table.named("dci-kind-node-non-acc")
# The images of which tests show what a change makes stale; another image in the table changes nothing here.
CHAIN = (
    "kind-ubuntu",
    NODE.name,
    "kind-control-plane",
    CRIO.name,
    "kind-ubuntu-node-containerd",
    LAST.name,
    table.GPU_IMAGE,
)
ALL = {name: table.named(name) for name in CHAIN}


def tag(name: str) -> str:
    return table.tag(name, parameters.current())


def definition(image: table.NodeImage) -> Definition:
    return node_images.recipe(image, parameters.current()).made_of


def inputs(image: table.NodeImage) -> str:
    return definition(image).digest


def arguments(image: table.NodeImage) -> dict[str, str]:
    made = node_images.recipe(image, parameters.current())
    return {"BASE_IMAGE": str(made.parent), **made.arguments}


def assemble(image: table.NodeImage, context: Path) -> None:
    """Assemble the build context of an image in a folder."""
    context.mkdir()
    for put in node_images.recipe(image, parameters.current()).contents:
        put(context)
    modes.normalise(context)


def digests() -> dict[str, str]:
    return {name: inputs(image) for name, image in ALL.items()}


def changed(before: dict[str, str]) -> set[str]:
    return {name for name, digest in digests().items() if digest != before[name]}


def modes_of(root: Path) -> dict[str, int]:
    return {path.relative_to(root).as_posix(): path.stat().st_mode & 0o7777 for path in [root, *root.rglob("*")]}
