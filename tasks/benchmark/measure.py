"""Measures the tool on this machine: a copy of the checkout, a cluster of its own, everything in one run.

Comparisons are ratios within this run, because machines differ.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from tasks import progress
from tasks.benchmark import processors
from tasks.engines.docker import client
from tasks.engines.docker import images as docker_images
from tasks.engines.files import atomic, checkout
from tasks.engines.go import modules
from tasks.engines.kube import kind, manifests
from tasks.engines.kube.api import Kube
from tasks.engines.programs import shell
from tasks.patterns import commented, index, known
from tasks.settings import artifacts, benchmark, credentials, images, parameters, paths
from tasks.settings import controller as source
from tasks.settings.checks import CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tasks.engines.kube.manifests import Object
    from tasks.settings.parameters.model import Parameters

_FOLDER = paths.BUILD / "benchmark"
_COPY = _FOLDER / "checkout"
_RESULTS = paths.BUILD / "benchmark.json"
_TASK_TOOK = re.compile(r"^(?P<task>\S+): done \((?:(?P<minutes>\d+) min )?(?P<seconds>[\d.]+) s\)$", re.MULTILINE)
_REGISTERED = ("cm-cpufunc-config.yaml", "functioninfo.yaml", "functiontype.yaml", "functionchain.yaml")
_MINUTE = 60
_MEGABYTE = 1_000_000

# Runs the words that follow it, and prints the most memory, in KiB, that one process of them took at a time.
_PEAK = (
    "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode; "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)"
)
_KIBIBYTE = 1024

Seconds = dict[str, float]
Row = dict[str, object]


def run(*, warm: bool = False) -> None:
    """Measure, print a table and write build/benchmark.json.

    Args:
        warm: Do not begin with empty caches, which takes the longest.

    Raises:
        Problem: A measured command failed.
    """
    chosen = parameters.current()
    shutil.rmtree(_FOLDER, ignore_errors=True)
    checkout.copy_to(_COPY)
    _lend_archive(paths.SRC / chosen.dci_k8s_software_tarfile)
    _doit("delete_cluster")
    seconds: Seconds = {} if warm else _from_nothing()
    _doit("images", "image:openkasugai-registry", "controller_image", *_images_of_pattern())
    registration = partial(_registration, chosen)
    for measure in (_changed_images, partial(_clusters, chosen), _dataflow, _edit, _idle, registration, _all_patterns):
        seconds.update(measure())
    memory = _memory()
    _doit("delete_cluster")
    _report(seconds, {**memory, **_sizes(chosen)})


def _lend_archive(archive: Path) -> None:
    """Let the copy use this checkout's controller archive, if there is one."""
    if archive.is_file():
        (_COPY / "src" / archive.name).symlink_to(archive)


def _images_of_pattern() -> list[str]:
    return [f"function_image:{name}" for name in known.patterns()[0].images]


def _from_nothing() -> Seconds:
    """Run the first command with an empty cache; if the engine is embedded, the cache has an engine of its own."""
    apart = {"CACHE_DIR": str(_FOLDER / "cold-cache"), "IMG_TAG": "benchmark"}
    before = processors.busy_seconds()
    total, tasks = _doit(_first_dataflow(), **apart)
    busy = processors.busy_seconds() - before
    _doit("clean", **apart)
    shutil.rmtree(_FOLDER / "cold-cache", ignore_errors=True)
    made = {f"{task}, cold": took for task, took in tasks.items() if task.startswith(("image:", "_program:"))}
    bound = busy / (os.cpu_count() or 1)
    return {benchmark.FROM_NOTHING: total, benchmark.BUSY: busy, benchmark.BOUND: bound, **made}


def _first_dataflow() -> str:
    return f"dataflow:{known.patterns()[0].name}"


def _changed_images() -> Seconds:
    """Change a file of one image at a time and build the images again."""
    seconds: Seconds = {}
    for image in images.NODE_IMAGES:
        dockerfile = _COPY / "kind" / image.name / "Dockerfile"
        before = dockerfile.read_text(encoding="utf-8")
        dockerfile.write_text(f"{before}LABEL openkasugai.benchmark={time.time_ns()}\n", encoding="utf-8")
        total, tasks = _doit("images")
        dockerfile.write_text(before, encoding="utf-8")
        if f"image:{image.name}" in tasks:
            seconds[f"images, after a change in {image.name}"] = total
    _doit("images")
    return seconds


def _clusters(chosen: Parameters) -> Seconds:
    """Create nodes with the tool and with kind alone in turns: kubeadm's own time varies by a quarter between runs."""
    own, stock = zip(*(_nodes_both_ways(chosen) for _ in range(benchmark.CLUSTERS)), strict=True)
    return {"nodes": statistics.median(own), "nodes, stock kind": statistics.median(stock)}


def _nodes_both_ways(chosen: Parameters) -> tuple[float, float]:
    """Return the seconds that the tool and kind alone take for nodes with the same images and config."""
    own, _ = _doit("_kind")
    config = _FOLDER / "kind.yaml"
    shutil.copyfile(_COPY / "build" / f"cluster-{benchmark.CLUSTER_NAME}" / config.name, config)
    _doit("delete_cluster")
    start = time.monotonic()
    kind.create(benchmark.CLUSTER_NAME, config, chosen)
    stock = time.monotonic() - start
    kind.delete(benchmark.CLUSTER_NAME, chosen)
    return own, stock


def _dataflow() -> Seconds:
    """Get from images to a verified dataflow, and verify it again."""
    first, _ = _doit(_first_dataflow())
    again, _ = _doit(_first_dataflow())
    return {"warm images to a verified dataflow": first, "dataflow, verified again": again}


def _edit() -> Seconds:
    """Edit a file of the controller in a folder, and deploy it; afterwards, the one from before runs again."""
    folder = _FOLDER / "controller"
    shutil.copytree(_COPY / paths.SAMPLE.relative_to(paths.ROOT), folder, symlinks=True)
    _doit("controller", CONTROLLER=str(folder))
    with (folder / benchmark.EDITED).open("a", encoding="utf-8") as file:
        file.write(f"# {time.time_ns()}\n")
    took, _ = _doit("controller", CONTROLLER=str(folder))
    _doit("controller")
    return {"edit of the controller to Ready": took}


def _idle() -> Seconds:
    """Measure commands that have nothing to do."""
    _doit(benchmark.ALL)
    python = _COPY / ".venv" / "bin" / "python"
    return {
        "doit list": _median(lambda: _doit("list")),
        f"list with {benchmark.OWN_PATTERNS} own patterns": _list_with_own_patterns(),
        "python -m doit --version": _median(
            lambda: shell.Command([python, "-m", "doit", "--version"], cwd=_COPY).run()
        ),
        "./doit --version": _median(lambda: _doit("--version")),
        "doctor, the registry says nothing": _doctor(),
        benchmark.IDLE: _median(lambda: _doit(benchmark.ALL)),
    }


def _memory() -> dict[str, float]:
    """Return the megabytes that a run with nothing to do takes at most."""
    _doit(benchmark.ALL)
    words: list[str | Path] = [sys.executable, "-c", _PEAK, _COPY / "doit", benchmark.ALL]
    peak = shell.Command(words, {**credentials.given(), **benchmark.PARAMETERS}, cwd=_COPY).run()
    return {benchmark.MEMORY: int(peak.stdout) * _KIBIBYTE / _MEGABYTE}


def _list_with_own_patterns() -> float:
    """List the tasks of the copy while it has patterns of the user's own, made from the first pattern."""
    text = (paths.PATTERNS / known.patterns()[0].home / index.FILE).read_text(encoding="utf-8")
    own = _COPY / paths.OWN_PATTERNS.relative_to(paths.ROOT)
    for number in range(benchmark.OWN_PATTERNS):
        atomic.write(own / f"own-{number}" / index.FILE, commented.copied(text, f"df-own-{number}"))
    took = _median(lambda: _doit("list"))
    shutil.rmtree(own)
    return took


def _doctor() -> float:
    """Run doctor for the manual's server, with a registry that accepts connections but does not answer.

    All checks are ignored, so that none stops it.
    """
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        env = {
            "PROFILE": "physical",
            "DCI_REGISTRY_ADDR_ALT": f"{address}/images",
            "DCI_REGISTRY_CERT_URL": f"http://{address}/harbor/ca.crt",
            "IGNORE_CHECKS": ",".join(check.name for check in CHECKS),
        }
        return _median(lambda: _doit("doctor", **env))


def _registration(chosen: Parameters) -> Seconds:
    """Register the files of all patterns in the source, on the same API server, with the tool and with kubectl."""
    kubeconfig = _COPY / "build" / f"cluster-{benchmark.CLUSTER_NAME}" / "kubeconfig"
    scenarios = _COPY / "build" / "controller" / source.SCENARIOS
    files = [first.with_name(name) for first in sorted(scenarios.rglob(_REGISTERED[0])) for name in _REGISTERED]
    items = [item for file in files for item in manifests.parse(file.read_text(encoding="utf-8"), file.name)]
    cluster = Kube(kubeconfig)
    kubectl = modules.program(artifacts.KUBERNETES, "kubectl", chosen)
    _doit(f"delete_dataflow:{known.patterns()[0].name}")

    def with_kubectl(*calls: list[Path]) -> None:
        for call in calls:
            shell.run([kubectl, "--kubeconfig", kubeconfig, "apply", *(word for file in call for word in ("-f", file))])

    ways: dict[str, Callable[[], object]] = {
        "register, doit": lambda: cluster.apply(items),
        "register, one kubectl call": lambda: with_kubectl(files),
        "register, a kubectl call per file": lambda: with_kubectl(*([file] for file in files)),
    }
    took = {name: _median(register, before=lambda: _unregister(cluster, items)) for name, register in ways.items()}
    cluster.apply(items)
    return {**took, "registered, nothing to do": _median(lambda: cluster.lack(items))}


def _unregister(cluster: Kube, items: list[Object]) -> None:
    for item in items:
        where = manifests.kind_of(item), manifests.name_of(item), manifests.namespace_of(item)
        cluster.delete(*where)
        cluster.wait_gone(*where, deadline=_MINUTE)


def _all_patterns() -> Seconds:
    """Verify all patterns that can run, one after another; their images are there, and no dataflow is deployed."""
    _doit(benchmark.ALL)
    total, _ = _doit("dataflow")
    return {"all patterns in a row": total}


def _median(measured: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Return the median of the seconds that a call takes with warm caches."""
    took = []
    for _ in range(benchmark.REPEATS):
        before()
        start = time.monotonic()
        measured()
        took.append(time.monotonic() - start)
    return statistics.median(took)


def _doit(*words: str, **environment: str) -> tuple[float, Seconds]:
    """Run the copy's `./doit`; return the seconds of the run and of each of its tasks."""
    progress.step(f"./doit {' '.join(words)}")
    env = {**credentials.given(), **benchmark.PARAMETERS, **environment}
    start = time.monotonic()
    completed = shell.Command([_COPY / "doit", *words], env, cwd=_COPY).run(live=True)
    total = time.monotonic() - start
    tasks = {
        took["task"]: int(took["minutes"] or 0) * _MINUTE + float(took["seconds"])
        for took in _TASK_TOOK.finditer(completed.stdout)
    }
    return total, tasks


def _sizes(chosen: Parameters) -> dict[str, float]:
    """Return the megabytes of the profile's node images, by name."""
    sizes = {}
    for image in images.NODE_IMAGES:
        tag = images.tag(image.name, chosen)
        if docker_images.find(tag):
            sizes[f"size of {image.name}"] = client.client().images.get(tag).attrs["Size"] / _MEGABYTE
    return sizes


def _report(seconds: Seconds, megabytes: dict[str, float]) -> None:
    rows: list[Row] = [{"name": name, "seconds": round(took, 3)} for name, took in seconds.items()]
    found = {**seconds, **megabytes}
    aims = [_held_against(aim, found) for aim in benchmark.AIMS if aim.measured in found]
    for row in rows:
        progress.line(f"{row['name']:<55} {row['seconds']:8.2f} s")
    for aim in aims:
        unit = f"x {aim['against']}" if "against" in aim else aim["unit"]
        said = f"{aim['found']:.2f} {unit}, aim {aim['limit']:g}: {'met' if aim['met'] else 'MISSED'}"
        progress.line(f"{aim['name']:<55} {said}")
    for name, size in megabytes.items():
        progress.line(f"{name:<55} {size:8.0f} MB")
    machine = {"cores": os.cpu_count(), "kernel": os.uname().release}
    text = json.dumps({"machine": machine, "measured": rows, "aims": aims, "megabytes": megabytes}, indent=2)
    _RESULTS.write_text(f"{text}\n", encoding="utf-8")
    progress.line(f"Written to {_RESULTS.relative_to(paths.ROOT)}")


def _held_against(aim: benchmark.Aim, measured: dict[str, float]) -> Row:
    """Return a measurement with its limit, in the form of the JSON file."""
    found = measured[aim.measured] / (measured[aim.against] if aim.against else 1)
    against = {"against": aim.against} if aim.against else {"unit": aim.unit}
    return {"name": aim.measured, "found": round(found, 3), **against, "limit": aim.limit, "met": found <= aim.limit}
