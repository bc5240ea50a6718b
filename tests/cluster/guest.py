"""A checkout that runs dataflows in a cluster of others, as a user who has no more rights there than it asks for."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import yaml

from tasks.engines.go import modules
from tasks.engines.programs.shell import Command
from tasks.settings import artifacts, parameters
from tests.cluster import cards_of_others, elsewhere
from tests.cluster.lab import Lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tasks.engines.kube.manifests import Object
    from tests.cluster.elsewhere import Elsewhere
    from tests.cluster.outside_registry import OutsideRegistry
    from tests.conftest import Checkout

NAME = "away"
CONTEXT = "theirs"
# Neither the first ones nor neighbours: two workers that no default would choose.
PLACES = (elsewhere.WORKERS[3], elsewhere.WORKERS[1])
_NAMESPACE = "teams"
_ACCOUNT = "guest"
USER = f"system:serviceaccount:{_NAMESPACE}:{_ACCOUNT}"
_RIGHTS = "guest-rights"
_API_GROUP = "rbac.authorization.k8s.io"
# Exit codes of a run that was not started, or that stopped at its first task.
_DECLINED = frozenset({1, 3})


class Guest(Lab):
    """Runs `./doit` in a checkout whose target is the cluster elsewhere, without a Docker engine."""

    def __init__(self, checkout: Checkout, decoy: Path, theirs: Elsewhere, registry: OutsideRegistry) -> None:
        super().__init__(checkout, decoy)
        self.theirs = theirs
        access = checkout.root.parent / "theirs.kubeconfig"
        access.write_text(json.dumps(_kubeconfig(theirs, decoy)), encoding="utf-8")
        access.chmod(0o600)
        self.env |= {
            "CLUSTER_NAME": NAME,
            "DOCKER_HOST": "unix:///nowhere/docker.sock",
            "TARGET": "existing",
            "TARGET_KUBECONFIG": str(access),
            "TARGET_CONTEXT": CONTEXT,
            "TARGET_UID": theirs.uid,
            "TARGET_WORKERS": ",".join(PLACES),
            "REGISTRY": "harbor",
            "DCI_REGISTRY_ADDR_ALT": f"{registry.host}/images",
            "DCI_REGISTRY_CERT_URL": registry.ca_url,
            "ADDONS": "",
            "EMULATE": "",
            "SRIOV": "given",
            **cards_of_others.PARAMETERS,
        }

    def declined(self, *words: str, **env: str) -> str:
        """Run `./doit`, which must decline without a traceback; return its output."""
        code, output = self._doit(words, env)
        assert code in _DECLINED, output
        assert "Traceback" not in output
        return output

    @contextmanager
    def writing(self, *expected: str) -> Iterator[None]:
        """Check what it asks the cluster to write in the block: these requests, and without any, nothing."""
        seen = len(self.theirs.log())
        yield
        written = self.theirs.writes(after=seen, user=USER)
        assert len(written) == len(expected), written
        assert all(request.startswith(beginning) for request, beginning in zip(written, expected, strict=True)), written

    def rights(self) -> list[Object]:
        """Return the roles that the tool prints for the administrator to grant."""
        printed = [each for each in yaml.safe_load_all(self.run("target_rbac")) if each]
        return [each for each in printed if each["kind"] in {"ClusterRole", "Role"}]

    def asks(self, *words: str) -> str:
        """Run kubectl as this user in the cluster, and return what it prints."""
        program = modules.program(artifacts.KUBERNETES, "kubectl", parameters.current())
        access = ["--kubeconfig", self.env["TARGET_KUBECONFIG"], "--context", CONTEXT]
        return Command([program, *access, *words], {}).run(check=False).stdout.strip()

    def grant(self, roles: list[Object]) -> None:
        """Give the user these roles, and take the ones from before."""
        kinds = "clusterroles,clusterrolebindings,roles,rolebindings"
        self.theirs.kubectl("delete", kinds, "-A", "-l", _RIGHTS)
        given = [_marked(item) for role in roles for item in (role, _binding(role))]
        if given:
            listed = {"apiVersion": "v1", "kind": "List", "items": given}
            self.theirs.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(listed))


def _kubeconfig(theirs: Elsewhere, decoy: Path) -> Object:
    """Return a kubeconfig with two contexts, whose current one is not meant."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _ACCOUNT, "namespace": _NAMESPACE}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
    theirs.api.apply([namespace, account])
    token = theirs.kubectl("create", "token", _ACCOUNT, "-n", _NAMESPACE, "--duration=4h").strip()
    admin, other = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in (theirs.kubeconfig, decoy))
    cluster = {"name": CONTEXT, "cluster": admin["clusters"][0]["cluster"]}
    user = {"name": CONTEXT, "user": {"token": token}}
    context = {"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}
    return {
        **other,
        "clusters": [*other["clusters"], cluster],
        "users": [*other["users"], user],
        "contexts": [*other["contexts"], context],
    }


def _binding(role: Object) -> Object:
    """Return what gives the user a role."""
    name = f"{_ACCOUNT}-{uuid.uuid5(uuid.NAMESPACE_OID, role['metadata']['name']).hex[:8]}"
    namespace = role["metadata"].get("namespace")
    return {
        "apiVersion": f"{_API_GROUP}/v1",
        "kind": f"{role['kind']}Binding",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": _API_GROUP, "kind": role["kind"], "name": role["metadata"]["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": _ACCOUNT, "namespace": _NAMESPACE}],
    }


def _marked(item: Object) -> Object:
    metadata = item["metadata"]
    return {**item, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), _RIGHTS: "1"}}}
