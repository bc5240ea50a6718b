"""The kind cluster: made once, resumed, and never rebuilt without consent."""

from __future__ import annotations

import hashlib
import json
import time
from itertools import chain
from typing import TYPE_CHECKING

from tasks import progress, reasons
from tasks.cluster import address_plan, engine, heartbeats, kubeconfig_owner, removal
from tasks.engines.docker import client
from tasks.engines.files import atomic, templates
from tasks.engines.kube import api as kube_api
from tasks.engines.kube import cluster_owner, kind, kubeconfigs, manifests
from tasks.engines.programs.waiting import until
from tasks.images import node_images, runtime
from tasks.problems import Problem
from tasks.settings import cluster, gpu, parameters, paths

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TEMPLATE = paths.KIND / "cluster.yaml.j2"
_KUBE_SYSTEM = "kube-system"
_DNS = "coredns"
_DNS_SERVICE = "kube-dns"
# A DNS question for the address of that Service, as printf writes it. No byte of it is a line end, at which bash would
# cut the datagram in two. The answer repeats the identifier; the low bits of its fourth byte are the error.
_DNS_QUESTION = (
    r"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    r"\x08kube-dns\x0bkube-system\x03svc\x07cluster\x05local\x00\x00\x01\x00\x01"
)
_DNS_PROBE = (
    f"exec 3<>/dev/udp/$0/53 && printf '{_DNS_QUESTION}' >&3"
    " && timeout 3 dd bs=512 count=1 <&3 2>/dev/null | od -An -tx1 -N4"
)
_DNS_ERROR_BITS = 0x0F
_LONGEST_SHOWN = 40
# Seconds that an engine needs at most, on a busy machine, to finish what killed runs asked of it.
_PATIENCE = 30.0
_PARAMETERS = ("K8S_VERSION", "KIND_VERSION", "NODE_RUNTIME", "POD_SUBNET", "SERVICE_SUBNET", "CNI")


def config_is_current() -> bool:
    """Return whether the rendered config is that of the template and the parameters."""
    return reasons.unless(_text(_config()) == _rendered(), f"{_config().name}: another text is rendered")


def write_config() -> None:
    """Render the config that kind is given."""
    atomic.write(_config(), _rendered())


def is_current() -> bool:
    """Return whether the cluster runs, was finished, was made from what it would be made from, and can be reached."""
    if not cluster_owner.is_ours(_name()):
        return False
    nodes = kind.nodes(_name())
    current = (
        [node.name for node in nodes] == sorted(cluster.node_names(_name()))
        and all(node.running for node in nodes)
        and client.holds(nodes[0].name, cluster.RECORD, _record(_wanted()))
        and _access_is_current(nodes)
    )
    if not current:
        _say_why(nodes)
    return current and reasons.unless(kube_api.answers(), f"cluster {_name()}: its API does not answer")


def create() -> None:
    """Have the cluster: resume one that is whole, start over one that is half made, make one where there is none.

    Raises:
        Problem: It is not ours, it is on another engine, it was made from something else than it would be made from, or
            kind failed.
    """
    cluster_owner.require_ours(_name())
    engine.require_same(_name())
    kubeconfig_owner.require_free(_name())
    nodes = kind.nodes(_name())
    if not nodes or not _user_has_access(nodes):
        kubeconfigs.require_writable()
    if nodes and not _keep():
        kubeconfigs.require_writable()
        kubeconfigs.require_removable(_name())
        removal.give_back(_name())
        kind.delete(_name())
        nodes = []
    if not nodes:
        _make()
    _start_stopped()
    _have_access()
    until(
        f"cluster {_name()}: its API answers",
        kube_api.answers,
        bool,
        deadline=parameters.current().cluster_deadline,
        hint=f"docker logs {cluster.node_names(_name())[0]}",
    )


def is_ready() -> bool:
    """Return whether all nodes are Ready, and the cluster's DNS is available."""
    absent = _not_ready()
    return reasons.unless(not absent, f"not Ready: {', '.join(absent)}") and reasons.unless(
        kube_api.rolled_out(_dns() or {}), f"Deployment {_KUBE_SYSTEM}/{_DNS}: not available"
    )


def await_ready() -> None:
    """Wait until all nodes are Ready, and the cluster's DNS answers each of them.

    Raises:
        Problem: They are not within CLUSTER_DEADLINE.
    """
    deadline = parameters.current().cluster_deadline
    until(
        f"nodes of cluster {_name()}: Ready",
        _not_ready,
        lambda waiting: not waiting,
        deadline=deadline,
        describe=lambda waiting: f"not yet: {', '.join(waiting)}",
        explain=lambda: kube_api.cluster().evidence(_KUBE_SYSTEM),
        hint="kubectl describe nodes",
    )
    kube_api.cluster().wait_rollout(manifests.DEPLOYMENT, _DNS, _KUBE_SYSTEM, deadline=deadline)
    service = kube_api.cluster().get(manifests.SERVICE, _DNS_SERVICE, _KUBE_SYSTEM) or {}
    address = service["spec"]["clusterIP"]
    for node in cluster.node_names(_name()):
        until(
            f"DNS of the cluster: an answer on {node}",
            lambda node=node: _ask_dns(node, address),  # type: ignore[misc]
            bool,
            deadline=deadline,
            explain=lambda: kube_api.cluster().evidence(_KUBE_SYSTEM),
        )
    progress.line(f"Cluster {_name()}: {len(cluster.NODES)} nodes Ready, DNS answers. Try: kubectl get nodes")


def _name() -> str:
    return parameters.current().cluster_name


def _node_images() -> dict[str, str]:
    """Return the image of each node, by what follows the cluster's name in the node's."""
    return {node.suffix: node_images.node_image(node.suffix) for node in cluster.NODES}


def _config() -> Path:
    return paths.cluster_dir(_name()) / "kind.yaml"


def _kubeconfig() -> Path:
    return paths.cluster_dir(_name()) / "kubeconfig"


def _rendered() -> str:
    chosen = parameters.current()
    return templates.render(
        _TEMPLATE,
        name=chosen.cluster_name,
        pod_subnet=chosen.pod_subnet,
        service_subnet=chosen.service_subnet,
        cri_socket=cluster.CRI_SOCKETS.get(runtime.chosen(), ""),
        nodes=cluster.NODES,
        images=_node_images(),
        mounts={str(folder): place for folder, place in cluster_owner.mounts().items()},
    )


def _wanted() -> dict[str, str]:
    """Return what the cluster would be made from, in words that a user knows."""
    chosen = parameters.current()
    facts = {name: str(getattr(chosen, name.lower())) for name in _PARAMETERS}
    facts["NODE_RUNTIME"] = runtime.chosen()
    facts["checkout"] = str(paths.ROOT)
    ids = {tag: client.require_image(tag).id for tag in set(_node_images().values())}
    facts["node image"] = ids[node_images.node_image(cluster.CONTROL_PLANE)]
    if node_images.lends_gpu():
        facts["first worker's image"] = ids[node_images.node_image(gpu.NODE_SUFFIX)]
    facts["kind config"] = hashlib.sha256(_rendered().encode()).hexdigest()
    return facts


def _record(made_from: Mapping[str, str]) -> bytes:
    return json.dumps(made_from, indent=2).encode()


def _recorded() -> dict[str, str] | None:
    """Return what the cluster was made from, or None if kind never finished it."""
    try:
        content = client.read_from(cluster.node_names(_name())[0], cluster.RECORD)
        return json.loads(content) if content else None
    except ValueError:
        return None


def _keep() -> bool:
    """Decide whether the nodes that exist are to be kept.

    Raises:
        Problem: They are of a whole cluster that differs from the parameters, and there is no consent to rebuild it.
    """
    recorded = _recorded()
    if recorded is None:
        progress.line(f"Cluster {_name()} was left half made: starting it over.")
        return False
    missing = set(cluster.node_names(_name())) - {node.name for node in kind.nodes(_name())}
    if missing:
        progress.line(f"Cluster {_name()} lost {', '.join(sorted(missing))}, and kind adds no node: starting it over.")
        return False
    drift = _drift(recorded, _wanted())
    if drift and not parameters.current().recreate:
        raise Problem(
            f"cluster {_name()} was made from something else, and is not rebuilt without consent: {'; '.join(drift)}",
            hint="RECREATE=1 ./doit create_cluster, or ./doit delete_cluster first",
        )
    if drift:
        progress.line(f"Cluster {_name()} is rebuilt (RECREATE=1): {'; '.join(drift)}")
    return not drift


def _drift(recorded: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Name what differs, old and new; the config as a whole only where nothing more telling does."""
    names = [name for name in wanted if recorded.get(name) != wanted[name]]
    telling = [name for name in names if name != "kind config"] or names
    return [f"{name} {_short(recorded.get(name, 'nothing'))} -> {_short(wanted[name])}" for name in telling]


def _short(value: str) -> str:
    return value.removeprefix("sha256:")[:12] if len(value) > _LONGEST_SHOWN and "/" not in value else value


def _make() -> None:
    address_plan.check()
    client.ensure_network(cluster.NETWORK)
    paths.CONTROLLER.mkdir(parents=True, exist_ok=True)
    wanted = _wanted()
    engine.remember(_name())
    _make_nodes(end=time.monotonic() + _PATIENCE)
    # Written last: a control plane without it is of a cluster that was never finished.
    client.copy_into(cluster.node_names(_name())[0], cluster.RECORD, _record(wanted))


def _make_nodes(end: float) -> None:
    """Run kind; again while the engine is still making nodes for runs that were killed.

    Args:
        end: End of the patience with that, on the clock of `time.monotonic`.
    """
    while True:
        try:
            return kind.create(_name(), _config())
        except kind.NodesExist:
            if time.monotonic() > end:
                raise
        cluster_owner.require_ours(_name())
        kind.delete(_name())


def _say_why(nodes: list[kind.NodeFacts]) -> None:
    """Tell a plan what would become of the nodes, as `_keep` decides it."""
    for found in (engine.objection(_name()), kubeconfig_owner.objection(_name())):
        if found is not None:
            reasons.obstacle(found.message)
    recorded = _recorded() if nodes else None
    if recorded is None:
        reasons.remakes(f"cluster {_name()}: {'left half made' if nodes else 'not there'}")
        return
    drift = _drift(recorded, _wanted())
    for change in drift:
        reasons.remakes(change)
    for node in nodes:
        reasons.unless(node.running, f"node {node.name}: {'paused' if node.paused else 'stopped'}")
    if drift and not parameters.current().recreate:
        reasons.obstacle("needs consent: RECREATE=1, or ./doit delete_cluster first")
    elif drift:
        reasons.disrupts(f"cluster {_name()} with its running dataflows: it is made again")
    else:
        reasons.unless(_access_is_current(nodes), "kubeconfig: lacks the cluster")


def _start_stopped() -> None:
    for node in kind.nodes(_name()):
        if node.paused:
            progress.line(f"Unpausing node {node.name}, which was paused.")
            client.unpause(node.name)
        elif not node.running:
            progress.line(f"Starting node {node.name}, which was stopped.")
            client.start(node.name)


def _have_access() -> None:
    """Write the tool's kubeconfig, and the user's, where they lack the cluster; kind itself wrote a new one's."""
    nodes = kind.nodes(_name())
    if not _tool_has_access(nodes):
        atomic.write(_kubeconfig(), kind.kubeconfig(_name()), mode=0o600)
    if not _user_has_access(nodes):
        kind.export_kubeconfig(_name())


def _access_is_current(nodes: list[kind.NodeFacts]) -> bool:
    return _tool_has_access(nodes) and _user_has_access(nodes)


def _tool_has_access(nodes: list[kind.NodeFacts]) -> bool:
    return _server(nodes) in _text(_kubeconfig())


def _user_has_access(nodes: list[kind.NodeFacts]) -> bool:
    wanted = _server(nodes), f"name: kind-{_name()}\n"
    return any(all(words in text for words in wanted) for text in map(_text, kubeconfigs.files()))


def _server(nodes: list[kind.NodeFacts]) -> str:
    return f"https://127.0.0.1:{max(node.api_port for node in nodes)}\n"


def _not_ready() -> list[str]:
    """Return the nodes that are not there, not Ready, or not heard of since their start, and workloads likewise."""
    containers = {name: client.container(name) for name in cluster.node_names(_name())}
    started = {name: found.started if found else "" for name, found in containers.items()}
    api = kube_api.cluster()
    nodes, pods, *workloads = api.lists(manifests.NODE, manifests.POD, manifests.DEPLOYMENT, manifests.DAEMON_SET)
    return heartbeats.not_ready(started, nodes, pods) + heartbeats.miscounted(chain(*workloads), pods)


def _dns() -> manifests.Object | None:
    return kube_api.cluster().get(manifests.DEPLOYMENT, _DNS, _KUBE_SYSTEM)


def _ask_dns(node: str, address: str) -> bool:
    """Return whether the cluster's DNS answers a question asked on a node, through the Service."""
    answer = client.exec_in(node, ["bash", "-c", _DNS_PROBE, address], check=False).split()
    return answer[:2] == ["12", "34"] and any(not int(flags, 16) & _DNS_ERROR_BITS for flags in answer[3:4])


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return ""
