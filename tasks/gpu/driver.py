"""The driver in the node that is lent the GPU: its kernel modules, its device files and its services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks import progress
from tasks.engines.programs import waiting
from tasks.problems import Problem
from tasks.settings import gpu

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tasks.gpu.machine import Machine

_LOAD = ("modprobe", "--all", "--dirname", gpu.NODE_MODULES)
_RUNS = "active"
# The service's own words first, then what systemd says about it; each line alone, without time and host.
_JOURNAL = ("journalctl", "--boot", "--no-pager", "--output", "cat", "--lines", "5")


def require(machine: Machine, node: str) -> None:
    """Stop if a node has no driver for the running kernel.

    Args:
        machine: The machine with the node.
        node: Name of the node.

    Raises:
        Problem: Its image has none.
    """
    kernel = machine.facts().kernel
    if not machine.run_in(node, ["ls", f"{gpu.NODE_MODULES}/lib/modules/{kernel}"], check=False).strip():
        raise Problem(
            f"{node}: its image has no NVIDIA driver for kernel {kernel}",
            hint="./doit image:dci-kind-node-with-acc, then RECREATE=1 ./doit create_cluster",
        )


def helpers(machine: Machine, node: str) -> tuple[str, ...]:
    """Return the modules of the host that have to be loaded before the node's, in the order of loading.

    The node's folder has the driver's modules only, so modprobe does not find there what these name.

    Args:
        machine: The machine with the node.
        node: Name of the node.
    """
    found: dict[str, None] = {}
    for name in _named(machine, node):
        missing = machine.modules.missing(name)
        if missing is None:
            progress.line(f"kernel module {name}: the driver in {node} names it, but this host has none")
        found.update(dict.fromkeys(missing or ()))
    return tuple(found)


def load_helpers(machine: Machine, names: Iterable[str]) -> None:
    """Load modules of the host; a module of the driver that cannot do without one fails by itself, in its own words.

    Args:
        machine: The machine.
        names: Names of modules, in the order of loading.
    """
    for name in names:
        done = machine.run("modprobe", name, check=False)
        if done.returncode != 0:
            progress.line(f"kernel module {name}: not loaded: {done.stderr.strip() or f'exit code {done.returncode}'}")


def _named(machine: Machine, node: str) -> Iterator[str]:
    """Yield the modules that the driver's modules name as what they depend on, except those of the driver."""
    modules = (*gpu.NODE_LOADS, *gpu.NODE_EXTRAS)
    said = machine.run_in(node, ["modinfo", "--basedir", gpu.NODE_MODULES, "--field", "depends", *modules], check=False)
    for name in dict.fromkeys(said.replace(",", " ").replace("-", "_").split()):
        if name != gpu.MODULE and not name.startswith(f"{gpu.MODULE}_"):
            yield name


def start(machine: Machine, node: str, count: int) -> None:
    """Load the driver in a node, have its device files made, and start its services, which need both.

    Args:
        machine: The machine with the node.
        node: Name of the node.
        count: Number of the GPUs.

    Raises:
        Problem: A module cannot be loaded, the driver does not come up, or a service does not run.
    """
    machine.run_in(node, [*_LOAD, *gpu.NODE_LOADS])
    for module in gpu.NODE_EXTRAS:
        _try_to_load(machine, node, module)
    start_services(machine, node, count)


def _try_to_load(machine: Machine, node: str, module: str) -> None:
    try:
        machine.run_in(node, [*_LOAD, module])
    except Problem as problem:
        said = problem.details or problem.message
        progress.line(f"{node}: without {module}, which computing does not need: {said.splitlines()[-1]}")


def stopped(machine: Machine, node: str) -> dict[str, str]:
    """Return the state of each of the driver's services that does not run in a node.

    Args:
        machine: The machine with the node.
        node: Name of the node, which has to run.
    """
    states = machine.run_in(node, ["systemctl", "is-active", *gpu.NODE_SERVICES], check=False).split()
    known = dict(zip(gpu.NODE_SERVICES, states, strict=False))
    return {unit: known.get(unit, "unknown") for unit in gpu.NODE_SERVICES if known.get(unit) != _RUNS}


def start_services(machine: Machine, node: str, count: int) -> None:
    """Have the device files of a loaded driver made, and start its services, which do not start without them.

    Args:
        machine: The machine with the node.
        node: Name of the node.
        count: Number of the GPUs.

    Raises:
        Problem: The files do not appear, or a service does not run.
    """
    _make_device_files(machine, node, count)
    machine.run_in(node, ["systemctl", "start", *gpu.NODE_SERVICES], check=False)
    if states := stopped(machine, node):
        raise _not_running(machine, node, states)


def _make_device_files(machine: Machine, node: str, count: int) -> None:
    """Have the driver's own program make the files: the driver makes none by itself when it is loaded."""
    minors = [word for minor in range(count) for word in ("-c", str(minor))]
    said = machine.run_in(node, ["nvidia-modprobe", "-u", *minors], check=False)
    waiting.Condition(
        f"{node}: {gpu.CONTROL_FILE}: there",
        lambda: machine.run_in(node, ["ls", gpu.CONTROL_FILE], check=False).strip(),
        bool,
    ).wait(machine.patience, explain=lambda: said, hint="sudo journalctl -k -g -i nvrm")


def _not_running(machine: Machine, node: str, states: Mapping[str, str]) -> Problem:
    words = {unit: _words(machine, node, unit) for unit in states}
    return Problem(
        "\n".join(f"{node}: {unit} is {state}: {words[unit][0]}" for unit, state in states.items()),
        details="\n".join(line for unit in states for line in words[unit]),
        hint=f"docker exec {node} systemctl status {' '.join(states)}",
    )


def _words(machine: Machine, node: str, unit: str) -> list[str]:
    """Return what a service has said, its own last words first, then what systemd says about it."""
    own, about = (
        machine.run_in(node, [*_JOURNAL, *of_unit], check=False).strip().splitlines()
        for of_unit in ([f"_SYSTEMD_UNIT={unit}"], ["--unit", unit])
    )
    return [*reversed(own), *reversed(about)] or ["it has said nothing"]
