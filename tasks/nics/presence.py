"""Whether a card and its virtual functions are there, and where, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.engines.host import pci
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import nics as settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tasks.engines.host.namespaces import Link, Namespace, World
    from tasks.nics.ledger import Record
    from tasks.nics.machine import Machine


def present(bdf: str) -> pci.Function:
    """Return the function at an address.

    Raises:
        Problem: There is none.
    """
    function = pci.read(bdf)
    if function is None:
        raise Problem(f"{bdf}: the card went away", hint="sudo dmesg | tail")
    return function


def wait_for_interfaces(functions: Sequence[str], machine: Machine) -> World:
    """Wait until each function has a network interface somewhere, and udev has named it.

    It does not wait for functions that a virtual machine has: they get no interface.
    """

    def missing(world: World) -> list[str]:
        absent = [bdf for bdf in functions if world.place(bdf) is None]
        return [bdf for bdf in absent if not ((function := pci.read(bdf)) and function.is_passed_through)]

    def observe() -> World:
        machine.settle()
        return machine.survey(everywhere=True)

    def describe(world: World) -> str:
        return "none yet: " + ", ".join(
            f"{bdf} (driver {(function.driver if function else '') or 'none'})"
            for bdf, function in ((bdf, pci.read(bdf)) for bdf in missing(world))
        )

    return waiting.Condition(
        f"{len(functions)} virtual functions with a network interface",
        observe,
        lambda world: not missing(world),
        describe=describe,
    ).wait(settings.VF_DEADLINE, hint="sudo dmesg | tail")


def refuse_other_card(record: Record) -> None:
    """Stop if the card at a recorded address is not the recorded one.

    Raises:
        Problem: It is another one, or none.
    """
    function = pci.read(record.bdf)
    if function is None or function.identity != record.identity:
        found = f"a card {function.identity}" if function else "no card"
        raise Problem(
            f"{record.bdf}: the ledger knows {record.name} ({record.identity}) there, but there is {found}",
            hint="put the card back in its slot, or README.md, Your NICs, by hand",
        )


def is_abandoned(namespace: Namespace, link: Link, machine: Machine) -> bool:
    """Return whether a function is left over in the namespace of a pod that ended without giving it back.

    Such a namespace has no process any more; only a file keeps it. CRI-O's pods may look like that between two starts
    of a container, so the cluster has to confirm it. If none answers, nothing is taken away.
    """
    if namespace.process or namespace.host or namespace.node:
        return False
    try:
        return not machine.holder(link)
    except Problem:
        return False


def where(namespace: Namespace, pods: Callable[[], Mapping[str, str]]) -> str:
    """Return in words where something is.

    Args:
        namespace: Where it is.
        pods: Returns the names of pods by their UID; called only if they are needed.
    """
    if namespace.host:
        return "on the host"
    if namespace.node:
        return f"in {namespace.node}"
    if namespace.pod:
        return f"in pod {pods().get(namespace.pod, namespace.pod)}"
    if namespace.process:
        return f"in the namespace of process {namespace.process} ({namespace.command})"
    return f"in the namespace {namespace.path}, which has no process"
