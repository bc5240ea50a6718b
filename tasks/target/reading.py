"""Reads what the workers of an existing cluster have, with a Job on each that pulls its image from the registry.

So the same Job proves that the node trusts the registry. It has no privileges, and reads what the kernel shows to all.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks import lack as lacks
from tasks import progress
from tasks.engines.files import atomic
from tasks.engines.kube import manifests
from tasks.engines.kube import state as kube_state
from tasks.engines.kube.manifests import Kind
from tasks.engines.kube.pod_exec import Container
from tasks.engines.programs import waiting
from tasks.images import function_images
from tasks.problems import Problem
from tasks.settings import controller, gpu_offer, parameters, paths, target
from tasks.target import choice, devices, kept, pulling, trust
from tasks.target.devices import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tasks.engines.kube.api import Kube
    from tasks.engines.kube.manifests import Object
    from tasks.lack import Lack
    from tasks.settings.parameters.model import Parameters

JOB = Kind("batch/v1", "Job")
_CONTAINER = "look"
_LABEL = "openkasugai.dev/look"
# The label that Kubernetes gives to the pods of a Job.
_JOB_NAME = "job-name"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_NOBODY = 65534
_ENDED = frozenset({"Succeeded", "Failed"})
_PULLING = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_PRODUCT = "nvidia.com/gpu.product"


@dataclass(frozen=True)
class Question:
    """What a Job asks a node.

    Attributes:
        name: Part of the Job's name.
        command: What it runs.
        limits: Devices that it asks the scheduler for.
        env: The environment of its container.
    """

    name: str
    command: tuple[str, ...]
    limits: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()


CPU = Question("cpu", ("cat", "/proc/cpuinfo"))
# The container toolkit puts nvidia-smi into any container that asks for the capability.
GPU = Question(
    "gpu", devices.GPU_QUERY, ((gpu_offer.RESOURCE, "1"),), (("NVIDIA_DRIVER_CAPABILITIES", "compute,utility"),)
)


def lack() -> Lack:
    """Return of which workers it was not read yet what they have, and whether the registry's credentials changed."""
    chosen = parameters.current()
    there = choice.of(chosen)
    unread = kept.unread(kept.nodes_of(there.api, there.workers), chosen.cluster_name)
    unknown = lacks.of(*(f"{manifests.name_of(node)}: not read yet" for node in unread))
    return there.api.lack(_credentials(chosen)) + unknown


def read() -> None:
    """Read what each worker has, and keep it.

    Raises:
        Problem: A node cannot pull from the registry, which names what its administrator has to add; or a Job does not
            run within CONTROLLER_DEADLINE.
    """
    chosen = parameters.current()
    there = choice.of(chosen)
    there.api.apply(_credentials(chosen))
    reader = Reader(there.api, chosen)
    nodes = kept.nodes_of(there.api, there.workers)
    known = kept.load(chosen.cluster_name)
    new = kept.unread(nodes, chosen.cluster_name)
    found = {kept.mark(node): worker for node, worker in zip(new, reader.workers(new), strict=True)}
    current = {kept.mark(node) for node in nodes}
    kept.save(chosen.cluster_name, {**{mark: one for mark, one in known.items() if mark in current}, **found})
    for worker in found.values():
        gpus = ", ".join(gpu.model for gpu in worker.gpus) or "no GPU"
        progress.line(f"{worker.name}: pulls from the registry; {worker.cpu or 'a CPU without a name'}, {gpus}")


def _credentials(chosen: Parameters) -> list[Object]:
    """Return the Secret by which the Jobs pull, and later the daemons."""
    return pulling.secrets(chosen.dci_registry_addr_alt.partition("/")[0], [target.DAEMONS])


@dataclass(frozen=True)
class Reader:
    """Reads what nodes have.

    Attributes:
        cluster: The API.
        chosen: The parameters of the run.
    """

    cluster: Kube
    chosen: Parameters

    def workers(self, nodes: Sequence[Object]) -> list[Worker]:
        """Return nodes with their devices.

        Args:
            nodes: The nodes.

        Raises:
            Problem: As `read`.
        """
        with_gpu = [node for node in nodes if _has_gpu(node)]
        cpus = self._answers(CPU, nodes)
        answers = self._answers(GPU, with_gpu)
        gpus = {name: devices.parsed_gpus(text) for name, text in answers.items()}
        for node in with_gpu:
            _confirm(node, gpus[manifests.name_of(node)])
        return [
            Worker(name, devices.cpu_model(text), devices.sockets(text), gpus.get(name, ()))
            for name, text in cpus.items()
        ]

    def _answers(self, asked: Question, nodes: Sequence[Object]) -> dict[str, str]:
        """Return what a Job on each node prints, by the node's name."""
        if not nodes:
            return {}
        jobs = {manifests.name_of(node): self._job(asked, manifests.name_of(node)) for node in nodes}
        with self._running([*jobs.values()]):
            progress.step(f"asking {', '.join(jobs)} for their {asked.name}")
            pods = waiting.Condition(
                f"Jobs for the {asked.name} of {', '.join(jobs)}: done",
                lambda: self._pods(asked, nodes),
                lambda found: len(found) == len(nodes) and all(map(_has_ended, found.values())),
                describe=lambda found: ", ".join(f"{name} {_phase(pod)}" for name, pod in found.items()),
            ).wait(self.chosen.controller_deadline, explain=lambda: self._evidence(asked))
            failed = [name for name, pod in pods.items() if _phase(pod) == "Failed"]
            if failed:
                raise Problem(f"{failed[0]}: {' '.join(asked.command)} failed", details=self._log(pods[failed[0]]))
            return {name: self._log(pods[name]) for name in jobs}

    @contextlib.contextmanager
    def _running(self, jobs: Sequence[Object]) -> Iterator[None]:
        self.cluster.apply(jobs)
        try:
            yield
        finally:
            for job in jobs:
                self.cluster.delete(JOB, manifests.name_of(job), target.DAEMONS)

    def _pods(self, asked: Question, nodes: Sequence[Object]) -> dict[str, Object]:
        """Return the pod of each node's Job.

        Raises:
            Problem: One cannot pull its image: the line says why, and what the node lacks.
        """
        names = {_name(asked, manifests.name_of(node)): manifests.name_of(node) for node in nodes}
        listed = self.cluster.list(manifests.POD, target.DAEMONS, _selector(asked))
        found = {names[job]: pod for pod in listed if (job := pod["metadata"]["labels"].get(_JOB_NAME)) in names}
        for node in nodes:
            words = _refusal(found.get(manifests.name_of(node)))
            if words:
                raise self._untrusting(node, words)
        return found

    def _untrusting(self, node: Object, words: str) -> Problem:
        runtime = str(node["status"].get("nodeInfo", {}).get("containerRuntimeVersion", ""))
        registry = self.chosen.dci_registry_addr_alt.partition("/")[0]
        files = trust.cure(runtime, registry, atomic.text(paths.REGISTRY_CA))
        name = manifests.name_of(node)
        return Problem(
            f"{name}: cannot pull {self._image}: {words}",
            details=f"If the node does not trust the registry, its administrator adds ({runtime}):\n{files}",
            hint="README.md, Several servers; then the same command",
        )

    def _evidence(self, asked: Question) -> str:
        return self.cluster.evidence(target.DAEMONS, _selector(asked))

    @property
    def _image(self) -> str:
        return function_images.reference(controller.SIDECAR, self.chosen)

    def _log(self, pod: Object) -> str:
        return self.cluster.logs(Container.of(pod, _CONTAINER))

    def _job(self, asked: Question, node: str) -> Object:
        container = {
            "name": _CONTAINER,
            "image": self._image,
            # Also an image that the node has is asked of the registry, so that its trust is proven.
            "imagePullPolicy": "Always",
            "command": [*asked.command],
            "env": [{"name": key, "value": value} for key, value in asked.env],
            "resources": {"limits": {"cpu": "100m", "memory": "64Mi", **dict(asked.limits)}},
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        }
        pod = {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            **pulling.of_pod(self.cluster),
            "affinity": {"nodeAffinity": {_REQUIRED: {"nodeSelectorTerms": [{"matchFields": [_on(node)]}]}}},
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": _NOBODY,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
        }
        labels = {_LABEL: asked.name}
        return {
            "apiVersion": JOB.api_version,
            "kind": JOB.name,
            "metadata": {"name": _name(asked, node), "namespace": target.DAEMONS},
            "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": pod}},
        }


def _name(asked: Question, node: str) -> str:
    return f"look-at-{asked.name}-{manifests.digest(node)[:10]}"


def _on(node: str) -> Object:
    return {"key": "metadata.name", "operator": "In", "values": [node]}


def _selector(asked: Question) -> str:
    return f"{_LABEL}={asked.name}"


def _has_gpu(node: Object) -> bool:
    return kube_state.allocatable(node, gpu_offer.RESOURCE) > 0


def _has_ended(pod: Object) -> bool:
    return _phase(pod) in _ENDED


def _phase(pod: Object) -> str:
    return str(pod.get("status", {}).get("phase", ""))


def _refusal(pod: Object | None) -> str:
    """Return why the image of a pod cannot be pulled, in the kubelet's words; empty if nothing is known against it."""
    statuses = (pod or {}).get("status", {}).get("containerStatuses", ())
    states = [status.get("state", {}).get("waiting", {}) for status in statuses]
    return next((str(one.get("message", one["reason"])) for one in states if one.get("reason") in _PULLING), "")


def _confirm(node: Object, gpus: Sequence[devices.Gpu]) -> None:
    """Say where the label of gpu-feature-discovery names another model than the driver; the driver counts."""
    product = node["metadata"].get("labels", {}).get(_PRODUCT, "")
    models = {gpu.model.replace(" ", "-") for gpu in gpus}
    if product and models and product not in models:
        name = manifests.name_of(node)
        progress.line(f"{name}: labelled {_PRODUCT}={product}, but its driver says {', '.join(sorted(models))}")
