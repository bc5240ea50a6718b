"""The shape of the graph, and what loading it must not do."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from doit.control import TaskControl
from doit.loader import load_tasks

import dodo
from tasks.runner.declare import Current, Do, Same
from tasks.runner.later import Function
from tasks.runner.meta import AFTERWARDS, EVERY, MEANS, NOTHING, RUN, WATCHED
from tasks.runner.meta import ROOT as NEEDS_ROOT
from tasks.settings import expected, parameters, stages
from tasks.settings.images import NODE_IMAGES
from tasks.settings.nics import WORKERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from doit.task import Task

    from tasks.settings.images import NodeImage

ROOT = Path(__file__).resolve().parents[2]
TASKS = {task.name: task for task in load_tasks(vars(dodo))}
# What the choosers of stages name where the cluster is of kind.
STAGES = {f"_target_tasks:{stage}": names for stage, names in stages.STAGES["kind"].items()}
CREATORS = [value for name, value in vars(dodo).items() if name.startswith("task_")]
USER_TASKS = [task for task in TASKS.values() if not task.name.startswith("_") and not task.subtask_of]
GRAPHS = sorted(ROOT.glob("tasks/*/graph.py"))
LONGEST_CREATOR = 12

LOAD = """
import sys
FORBIDDEN = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "socket.connect", "socket.bind")
def refuse(event, arguments):
    if event in FORBIDDEN:
        raise SystemExit(f"loading the graph does {event} {arguments}")
sys.addaudithook(refuse)
import dodo
from doit.loader import load_tasks
load_tasks(vars(dodo))
HEAVY = {"docker", "kubernetes", "jinja2", "requests", "pydantic", "rich", "yaml", "dotenv", "cryptography", "tenacity"}
print(*sorted(HEAVY & set(sys.modules)))
flats = {name.rpartition(".")[0] for name in sys.modules if name.startswith("tasks.") and name.endswith(".graph")}
flats -= {"tasks.patterns", "tasks.functions"}  # a task exists for each folder of theirs
print(*(name for name in sys.modules if name.rpartition(".")[0] in flats and not name.endswith(".graph")))
"""


def test_loading_the_graph_touches_nothing_and_imports_no_work() -> None:
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda path: path.parent.name)
def test_what_a_graph_imports_later_is_what_its_type_checker_sees(graph: Path) -> None:
    (choice,) = [node for node in ast.parse(graph.read_text()).body if isinstance(node, ast.If)]
    imported = {
        (name.name, f"{node.module}.{name.name}")
        for node in choice.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if name.name.islower()
    }
    assert later_of(choice) == imported


def later_of(choice: ast.If) -> set[tuple[str, str]]:
    """Return each `name = later("module")` of an `else`."""
    return {(ast.unparse(node.targets[0]), ast.literal_eval(node.value.args[0])) for node in choice.orelse}  # type: ignore[attr-defined]


def test_loading_the_graph_reads_no_parameter() -> None:
    parameters.current.cache_clear()
    parameters._layers.cache_clear()
    load_tasks(vars(dodo))
    assert parameters.current.cache_info().misses == 0
    assert parameters._layers.cache_info().misses == 0


def test_parameters_are_read_at_the_doors_of_tasks_only() -> None:
    """A door is a function that a graph.py names in Do, Current or Same; it passes the values to what it calls."""
    doors = {(function.module, function.name) for function in functions_of_tasks() if isinstance(function, Function)}
    flats = {graph.parent.name for graph in GRAPHS} | {"archive", "engines"}
    readers = {
        (".".join(file.relative_to(ROOT).with_suffix("").parts), node.name if isinstance(node, ast.FunctionDef) else "")
        for flat in flats
        for file in (ROOT / "tasks" / flat).rglob("*.py")
        if file.name != "graph.py"
        for node in ast.parse(file.read_text()).body
        if reads_parameters(node)
    }
    assert readers <= doors
    assert len(readers) > len(flats)


def functions_of_tasks() -> Iterator[object]:
    """Yield the functions that the actions and checks of all tasks call, and those that commands call for tasks."""
    for task in TASKS.values():
        about = task.meta or {}
        yield from (action.py_callable._call[0] for action in task.actions)
        yield from filter(None, (about.get(WATCHED), about.get(AFTERWARDS, ("", None))[1]))
        rights = [right.check for right in (task.meta or {}).get(NEEDS_ROOT, ())]
        checks = [check for check, *_ in task.uptodate] + rights
        yield from (check._call[0] for check in checks if isinstance(check, (Current, Same)))


def reads_parameters(node: ast.AST) -> bool:
    calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
    return any(ast.unparse(call.func).endswith("parameters.current") for call in calls)


@pytest.mark.parametrize(
    "name",
    [
        *("nics:kind-worker", "nics:kind-worker2", "nics_restore", "gpu_lease", "gpu_return"),
        *("registry_ca", "delete_cluster", "clean"),
    ],
)
def test_what_needs_root_says_so_before_a_run(name: str) -> None:
    assert all(right.purpose for right in TASKS[name].meta[NEEDS_ROOT])


def test_every_dependency_exists() -> None:
    TaskControl(list(TASKS.values())).process(list(TASKS))
    assert {need for task in TASKS.values() for need in task.calc_dep} <= TASKS.keys()


@pytest.mark.parametrize("task", list(TASKS.values()), ids=lambda task: task.name)
def test_no_task_waits_for_a_chooser_in_two_ways(task: Task) -> None:
    """Doit ends with a traceback if the chooser of a task's dependencies is also one of its dependencies."""
    assert not set(task.calc_dep) & set(task.task_dep)


@pytest.mark.parametrize("name", ["kind_config", "_gpu_image", "image:dci-kind-node-non-acc"])
def test_what_depends_on_the_runtime_waits_for_its_choice(name: str) -> None:
    task = TASKS[name]
    assert "_runtime_image" in {*task.task_dep, *task.calc_dep}


@pytest.mark.parametrize("image", [image for image in NODE_IMAGES if image.archive], ids=lambda image: image.name)
def test_an_image_with_a_part_of_the_archive_waits_for_it(image: NodeImage) -> None:
    assert "_archive_source" in TASKS[f"image:{image.name}"].calc_dep


@pytest.mark.parametrize("task", USER_TASKS, ids=lambda task: task.name)
def test_a_users_task_has_one_imperative_sentence(task: Task) -> None:
    assert task.doc, "no sentence"
    assert task.doc[0].isupper()
    assert task.doc.endswith((".", ")."))
    assert "\n" not in task.doc
    assert len(task.doc) <= 110


@pytest.mark.parametrize("task", list(TASKS.values()), ids=lambda task: task.name)
def test_actions_are_declared_functions_and_checks_never_raise(task: Task) -> None:
    for action in task.actions:
        assert isinstance(action.py_callable, Do)
        assert action.py_callable.__name__ != "<lambda>"
    assert all(isinstance(check, (Current, Same)) for check, *_ in task.uptodate if callable(check))
    assert not task.teardown, "teardown runs once more than it should under threads"


@pytest.mark.parametrize("creator", CREATORS, ids=lambda creator: creator.__name__)
def test_creators_declare_and_do_no_more(creator: Callable[..., object]) -> None:
    function = ast.parse(inspect.getsource(creator)).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert function.end_lineno is not None
    assert function.end_lineno - function.body[0].lineno <= LONGEST_CREATOR


@pytest.mark.parametrize("name", ["parameters", "configure", "test", "images"])
def test_the_tasks_of_the_manual_are_there(name: str) -> None:
    assert name in TASKS


@pytest.mark.parametrize(
    ("group", "chooser"), [("controller_image", "_controller_images"), ("function_image", "_runnable")]
)
def test_a_group_of_images_runs_what_its_chooser_names_and_any_by_its_name(group: str, chooser: str) -> None:
    assert (TASKS[group].task_dep, TASKS[group].calc_dep) == ([], {chooser})
    members = [task for task in TASKS.values() if task.subtask_of == group]
    assert members
    assert all(task.actions for task in members)


def test_the_machine_is_looked_at_before_anything_is_touched() -> None:
    """Doit yields the tasks in the order of a run, but this test runs none."""
    tasks = {task.name: task for task in load_tasks(vars(dodo))}
    for target in ("images", "create_cluster_with_all", "dataflow:calcapp-basic"):
        control = TaskControl(list(tasks.values()))
        control.process([target])
        dispatcher = control.task_dispatcher()
        first = next(node for node in dispatcher.generator if not isinstance(node, str))
        assert first.task.name.startswith("_doctor:"), target


@pytest.mark.parametrize("target", ["create_cluster_with_all", "create_cluster_without_scenario"])
def test_a_new_cluster_gets_the_gpu_before_its_controller_learns_what_the_workers_have(target: str) -> None:
    order = order_of_a_run(target, {"_early_lease": ["gpu_lease"], "_loans": ["_gpu_in_inventory"]})
    assert order.index("_kind") < order.index("gpu_lease") < order.index("controller:configuration")
    assert order.index("controller:daemons") < order.index("_gpu_in_inventory")


def order_of_a_run(target: str, chosen: Mapping[str, list[str]]) -> list[str]:
    """Return the tasks in the order in which doit runs them if none is up to date, but run none.

    Args:
        target: The task that is asked for.
        chosen: The tasks that choosers name.
    """
    control = TaskControl(list({task.name: task for task in load_tasks(vars(dodo))}.values()))
    control.process([target])
    order: list[str] = []
    dispatcher = control.task_dispatcher()
    node = next(dispatcher.generator)
    while node is not None:
        seen = None if isinstance(node, str) else node
        if seen is not None:
            # What has setup tasks comes twice: to be chosen, and to be run.
            is_first = seen.task.setup_tasks and seen.run_status is None
            seen.run_status = "run" if is_first else "successful"
            seen.task.values = {"task_dep": [*chosen.get(seen.task.name, STAGES.get(seen.task.name, ()))]}
            order += [] if is_first else [seen.task.name]
        node = _sent(dispatcher.generator, seen)
    return order


def _sent(generator: Any, seen: object) -> Any:
    """Return what a generator yields next, or None at its end."""
    try:
        return generator.send(seen)
    except StopIteration:
        return None


def everything_before(name: str) -> set[str]:
    """Return all tasks that a task depends on where the cluster is of kind, without those that other choosers add."""
    found: set[str] = set()
    left = [name]
    while left:
        task = TASKS[left.pop()]
        of_kind = (need for chooser in task.calc_dep for need in STAGES.get(chooser, ()))
        needs = {*task.task_dep, *of_kind} - found
        found |= needs
        left += needs
    return found


def choosers(*names: str) -> set[str]:
    return {chooser for name in names for chooser in TASKS[name].calc_dep}


@pytest.mark.parametrize("name", ["create_cluster_without_scenario", "create_cluster_with_all"])
def test_what_the_cluster_commands_leave(name: str) -> None:
    left = everything_before(name)
    assert {"post_setup", "send_video_tool", "scenario_files", "addon:multus", "cpufunc_namespaces"} <= left
    assert "_loans" in choosers("post_setup")
    assert "_runnable" in choosers("scenario_files")
    assert ("prepare_scenario" in left) == (name == "create_cluster_with_all")
    assert not any(need.startswith("_doctor:video") for need in left)


def test_a_prepared_scenario_has_its_sender() -> None:
    assert "send_video_tool" in everything_before("prepare_scenario")


def test_a_dataflow_asks_for_no_more_than_it_needs() -> None:
    for name in ("dataflow:calcapp-basic", "scenario:calcapp-basic"):
        needed = everything_before(name)
        assert not {"nics", "gpu_lease", "_loans", "send_video_tool", "post_setup", "addon"} & needed
        chosen = {need for need in needed if need.startswith("addon:")}
        assert chosen == {"addon:bridge-cni", "addon:calico"}
        assert "_loans" not in choosers(*needed)


def test_each_card_is_looked_at_before_it_is_lent_and_no_other() -> None:
    for worker in WORKERS:
        assert TASKS[worker.target].setup_tasks == [f"_doctor:{worker.target}"]


def test_what_is_expected_to_take_long_names_tasks_and_groups_that_there_are() -> None:
    assert set(expected.WORK) <= {part for name in TASKS for part in (name, name.partition(":")[0])}


def test_what_a_task_means_for_others_names_tasks_that_there_are() -> None:
    rows = [row for task in TASKS.values() for row in (task.meta or {}).get(MEANS, {}).items()]
    assert {name for name, _ in rows} - {EVERY} == {"image", "registry", "addon", "_gpu_in_inventory"}
    assert {name for name, _ in rows} - {EVERY} <= set(TASKS)
    assert {outcome for _, outcome in rows} == {NOTHING, RUN}
