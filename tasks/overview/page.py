"""Where you stand, on one small screen: profile, parameters, engine, images, cluster, dataflows, next commands."""

from __future__ import annotations

import importlib
import os
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tasks import layout, progress
from tasks.controller import kinds
from tasks.engines.kube import access, api, manifests
from tasks.patterns import known
from tasks.problems import Problem
from tasks.settings import parameters, paths
from tasks.settings.parameters import layers as parameters_layers
from tasks.target import choice
from tasks.target.workloads import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tasks.settings.parameters.layers import Layers
    from tasks.settings.parameters.model import Parameters

# Columns of the narrowest terminal to expect.
_WIDTH = 80
_MOST_COMPLAINTS = 4
# Lines of one row, so that the page fits a terminal of 24 lines.
_MOST_LINES = 2
# Seconds. Answers come in milliseconds; an engine that hangs must not delay this page.
_DEADLINE = 3.0
_LAB = "lab"
_UNASKED = "unknown until the parameters are valid"
# If given in front of this command, these are also needed in front of the next one.
_CARRIED = ("PROFILE", "CLUSTER_NAME")
_CLUSTER_ROW, _DATAFLOW_ROW = "cluster", "dataflows"
# The rows for a cluster of kind, which is what there is where nobody said otherwise.
_UNASKED_ROWS = ("engine", "images", _CLUSTER_ROW, _DATAFLOW_ROW)
_MORE = "Commands: ./doit help   tasks: ./doit list   parameters: ./doit parameters"

# Stands for the dataflow of the first pattern.
_FIRST = "dataflow:{first}"

_WRONG = (
    ("parameters", "every value, and the file and line it was given in"),
    ("doctor", "then: what this machine lacks"),
    ("plan", "then: what a run would do"),
)
_FRESH = (
    ("configure", "write .env, the file you edit"),
    ("doctor", "what this machine lacks"),
    (f"PROFILE={_LAB} {_FIRST}", "the lab: no card, GPU or harbor"),
)
_NO_CLUSTER = (
    ("doctor", "what this machine lacks"),
    (f"plan {_FIRST}", "what that would do"),
    (_FIRST, "from nothing to its answer"),
)
_CLUSTER = (
    ("status", "what there is: nodes, pods, and what they stand upon"),
    (f"plan {_FIRST}", "what that would do"),
    (_FIRST, "deploy and verify a dataflow"),
)
_DATAFLOWS = (
    ("dataflow_status", "functions, nodes, addresses"),
    ("status", "what there is: nodes, pods, and what they stand upon"),
)


@dataclass
class _World:
    """The findings so far: the text of each row by its name, and what exists."""

    rows: dict[str, str] = field(default_factory=dict)
    has_nodes: bool = False
    has_dataflows: bool = False
    welcome: Sequence[tuple[str, str]] = ()
    farewell: tuple[str, str] = ("", "")


def show() -> None:
    """Show where you stand and what comes next; whatever is wrong or absent is no error here."""
    progress.line("\n".join(page(_DEADLINE)))


def page(deadline: float) -> Iterator[str]:
    """Yield the lines of the page.

    Args:
        deadline: Seconds to wait for answers.
    """
    yield from (layout.cut(line, _WIDTH) for line in _page(deadline))


def _page(deadline: float) -> Iterator[str]:
    yield "OpenKasugai all-in-one"
    yield ""
    try:
        layers = parameters_layers.read(paths.ROOT, os.environ)
    except Problem as problem:
        yield from _rows({"parameters": problem.message, **dict.fromkeys(_UNASKED_ROWS, _UNASKED)}, problem.hint)
        yield from _next(_WRONG, "")
        return
    found, complaints = _checked(layers)
    world = _look_in_time(found, deadline) if found else _World(dict.fromkeys(_UNASKED_ROWS, _UNASKED))
    origin = _origin(layers, "PROFILE")
    yield from _rows({"profile": f"{layers.settings['PROFILE'].value} ({origin})"})
    yield from layout.wrapped(f"parameters  {_sources(layers)}", _WIDTH) if not complaints else _wrong(complaints)
    yield from _rows({**world.rows, **_own_patterns()})
    yield from _next(_commands(layers, complaints, world), _carried(layers))


def _checked(layers: Layers) -> tuple[Parameters | None, list[str]]:
    """Return the parameters, or a line for each wrong one."""
    try:
        return parameters.validated(layers), []
    except Problem as problem:
        return None, problem.message.splitlines()


def _wrong(complaints: Sequence[str]) -> Iterator[str]:
    shown = complaints[:_MOST_COMPLAINTS]
    more = len(complaints) - len(shown)
    for number, complaint in enumerate([*shown, *([f"and {more} more"] if more else [])]):
        yield from layout.hanging(_head("" if number else "parameters"), complaint, _WIDTH)[:_MOST_LINES]


def _sources(layers: Layers) -> str:
    """Return how many parameters there are, and how many come from the user's file and the environment."""
    origins = [setting.origin for setting in layers.settings.values()]
    own = sum(origin.startswith(f"{parameters_layers.USER_FILE}:") for origin in origins)
    given = origins.count(parameters_layers.ENVIRONMENT)
    return f"{len(origins)}, all valid: {own} of them from {parameters_layers.USER_FILE}, {given} from the environment"


def _origin(layers: Layers, name: str) -> str:
    origin = layers.settings[name].origin
    return "the default" if origin.startswith("env/") else origin


def _look_in_time(p: Parameters, deadline: float) -> _World:
    """Return what is there; a look that hangs is abandoned."""
    world = _World()
    # Imported here: a thread abandoned during an import would still hold the import lock when the process ends.
    importlib.import_module("docker")
    thread = threading.Thread(target=_look, args=(world, p), daemon=True)
    thread.start()
    thread.join(deadline)
    there = choice.of(p)
    names = (*there.parts, _DATAFLOW_ROW)
    rows = {name: world.rows.get(name, f"no answer within {deadline:.0f} s") for name in names}
    return replace(world, rows=rows, welcome=there.welcome, farewell=there.farewell)


def _look(world: _World, p: Parameters) -> None:
    parts, base = choice.of(p).parts, ""
    for name, look in parts.items():
        seen = Seen(f"unknown without an {base}", is_there=False) if base else _or_problem(look)
        world.rows[name] = seen.text
        base = base or ("" if seen.is_there or name == _CLUSTER_ROW else name)
        world.has_nodes = seen.is_there
    world.rows[_DATAFLOW_ROW] = (
        f"unknown without an {base}" if base else _or_problem(lambda: Seen(_dataflows(world, p))).text
    )


def _or_problem(look: Callable[[], Seen]) -> Seen:
    try:
        return look()
    except Problem as problem:
        return Seen(problem.message, is_there=False)
    except Exception as error:  # noqa: BLE001 - this page says what cannot be seen; the task that needs it says why
        return Seen(f"cannot be seen: {type(error).__name__}: {error}", is_there=False)


def _dataflows(world: _World, p: Parameters) -> str:
    if not world.has_nodes:
        return "none without a cluster"
    try:
        found = access.cluster(p.cluster_name).list(kinds.DATA_FLOW)
    except api.Refused as refusal:
        if refusal.status != api.ABSENT:
            raise
        found = []
    world.has_dataflows = bool(found)
    return ", ".join(f"{manifests.name_of(one)} {kinds.state(one)}" for one in found) or "none"


def _own_patterns() -> dict[str, str]:
    """Return the row about the user's own patterns; none if there are none."""
    table = known.table()
    own = list(dict.fromkeys(pattern.home for pattern in table.patterns if pattern.is_own))
    wrong = [each.name for each in table.wrong]
    said = [f"{len(own)} of your own: {', '.join(own)}"] if own else []
    said += [f"not valid: {', '.join(wrong)} (./doit doctor --for patterns)"] if wrong else []
    return {"patterns": "; ".join(said)} if said else {}


def _rows(rows: dict[str, str], hint: str = "") -> Iterator[str]:
    for name, text in rows.items():
        yield from layout.hanging(_head(name), text, _WIDTH)[:_MOST_LINES]
    yield from [f"{_head('')}Try: {hint}"] if hint else []


def _head(name: str) -> str:
    return f"{name:<12}"


def _commands(layers: Layers, complaints: Sequence[str], world: _World) -> Sequence[tuple[str, str]]:
    if complaints:
        return _WRONG
    if world.has_dataflows:
        return (*_DATAFLOWS, world.farewell)
    if world.has_nodes:
        return _CLUSTER
    if world.welcome:
        return world.welcome
    profile = layers.settings["PROFILE"]
    is_chosen = not profile.origin.startswith("env/") or (paths.ROOT / parameters_layers.USER_FILE).exists()
    return _NO_CLUSTER if is_chosen or profile.value == _LAB else _FRESH


def _carried(layers: Layers) -> str:
    """Return the assignments that the user gave in front of this command."""
    settings = [layers.settings[name] for name in _CARRIED]
    return "".join(f"{one.name}={one.value} " for one in settings if one.origin == parameters_layers.ENVIRONMENT)


def _next(commands: Sequence[tuple[str, str]], carried: str) -> Iterator[str]:
    yield ""
    yield "Next:"
    first = known.patterns()[0].name
    typed = [(_typed(command.format(first=first), carried), meaning) for command, meaning in commands]
    width = max(layout.cells(command) for command, _ in typed)
    yield from (f"  {layout.padded(command, width)}  {meaning}" for command, meaning in typed)
    yield ""
    yield _MORE


def _typed(command: str, carried: str) -> str:
    assignment, is_one, task = command.partition(" ")
    if is_one and "=" in assignment:
        return f"{assignment} ./doit {task}"
    return f"{carried}./doit {command}"
