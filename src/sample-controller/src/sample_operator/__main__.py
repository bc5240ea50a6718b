"""Run one controller: ``python3 -m sample_operator ROLE [--kubeconfig FILE]``."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import importlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kopf
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

from .api import Api, ApiError
from .context import LATER, SOON, Context, Delay, Role

log = logging.getLogger("sample_operator")

# Each role is a module, and its image holds no other's.
ROLES = ("flowctrl", "wbfunction", "wbconnection", "cpufunction", "gpufunction", "deviceinfo", "ethernetconnection")
# Another writer was quicker: the next attempt reads the current state.
_OVERTAKEN = {404, 409}
# Seconds after which a watch that the server has forgotten is noticed.
_WATCH_SECONDS = 120


def main() -> None:
    """Read the arguments, prepare the role and watch its resources until the pod is stopped."""
    parser = argparse.ArgumentParser(prog="sample_operator")
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--kubeconfig", help="without it, the pod's service account")
    parser.add_argument("--health-port", type=int, default=8081)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # A line for each probe would hide what the controller says.
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    if arguments.kubeconfig:
        os.environ["KUBECONFIG"] = arguments.kubeconfig
    role = role_named(arguments.role)
    try:
        context = role.prepare(Context(Api(login), os.environ.get("K8S_NODENAME", "")))
    except (LookupError, ApiError, OSError) as error:
        raise SystemExit(f"{arguments.role}: {error}") from error
    for resource, reconcile in role.reconcilers.items():
        watch(resource, reconcile, context)
    kopf.run(
        standalone=True,
        clusterwide=True,
        # Without an identity, kopf asks for the user's name, and the image's user has none.
        identity=arguments.role,
        liveness_endpoint=f"http://0.0.0.0:{arguments.health_port}/healthz",
    )


def role_named(name: str) -> Role:
    """Return one of the roles."""
    role: Role = importlib.import_module(f".{name}", __package__).ROLE
    return role


def login() -> Any:
    """Return the connection of the kubeconfig if one is given, else of the pod's service account."""
    source = kopf.login_with_kubeconfig if os.environ.get("KUBECONFIG") else kopf.login_with_service_account
    connection = source(settings=kopf.OperatorSettings())
    if connection is None:
        raise LookupError("neither a kubeconfig nor a service account to log in with")
    has_credentials = connection.token or connection.certificate_path or connection.certificate_data
    return connection if has_credentials else dataclasses.replace(connection, token=_token_of_file())


def _token_of_file() -> str | None:
    """Return the token in the file that the kubeconfig names, which kopf does not read."""
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text(encoding="utf-8"))
    file = next((user["user"]["tokenFile"] for user in config["users"] if "tokenFile" in user["user"]), None)
    return Path(file).read_text(encoding="utf-8").strip() if file else None


@kopf.on.login()
def log_kopf_in(**_: Any) -> Any:
    """Let kopf use the same connection."""
    return login()


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Keep kopf from posting events to the cluster, and let it notice a dead watch."""
    settings.posting.enabled = False
    settings.watching.server_timeout = _WATCH_SECONDS
    settings.watching.client_timeout = _WATCH_SECONDS + 10


def watch(resource: str, reconcile: Callable[[Context, str, str], Delay], context: Context) -> None:
    """Reconcile each object of a resource whenever it changes, until there is nothing left to do for it."""

    @kopf.on.event("example.com", "v1", resource, id=resource)
    async def changed(name: str, namespace: str | None, **_: Any) -> None:
        delay: Delay = 0
        while delay is not None:
            await asyncio.sleep(delay)
            delay = await asyncio.to_thread(attempt, reconcile, context, namespace or "", name)


def attempt(reconcile: Callable[[Context, str, str], Delay], context: Context, namespace: str, name: str) -> Delay:
    """Reconcile an object once; if anything goes wrong, return when to try again."""
    try:
        return reconcile(context, namespace, name)
    except (ApiError, OSError) as error:
        if isinstance(error, ApiError) and error.code in _OVERTAKEN:
            log.info("%s/%s: %s", namespace, name, error)
            return SOON
        log.error("%s/%s: %s", namespace, name, error)  # noqa: TRY400
    except Exception:
        log.exception("%s/%s", namespace, name)
    return LATER


if __name__ == "__main__":
    main()
