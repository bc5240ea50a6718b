"""What the controller's daemons do and their shipped roles do not grant: they ran with an administrator's kubeconfig.

Read from the calls in the controller's source (v1.1.0), and from what was forbidden to them when they ran so. Its role
for DeviceInfo names `deviceinfos`, but its definition serves `deviceinfoes`; that for EthernetConnection names the
group `example.com.example.com`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.settings import target

if TYPE_CHECKING:
    from collections.abc import Mapping

Rule = dict[str, Any]

_READ = ["get", "list", "watch"]
_ALL = [*_READ, "create", "update", "patch", "delete"]
_NETWORKS: Rule = {
    "apiGroups": ["k8s.cni.cncf.io"],
    "resources": ["network-attachment-definitions"],
    "verbs": _READ,
}


def _own(*resources: str) -> Rule:
    names = [name for resource in resources for name in (resource, f"{resource}/status", f"{resource}/finalizers")]
    return {"apiGroups": [target.GROUP], "resources": names, "verbs": _ALL}


def _core(*resources: str) -> Rule:
    return {"apiGroups": [""], "resources": [*resources], "verbs": _ALL}


# What each of them does, beside its own part.
COMMON: tuple[Rule, ...] = ({"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},)
# By the image of the daemon.
MISSING: Mapping[str, tuple[Rule, ...]] = {
    "deviceinfo": (_own("deviceinfoes"), _core("configmaps")),
    "cpufunction": (_own("ethernetconnections", "pcieconnections"), _core("pods", "configmaps", "services"), _NETWORKS),
    "gpufunction": (
        _own("cpufunctions", "fpgafunctions", "ethernetconnections", "pcieconnections"),
        _core("pods", "configmaps", "services"),
        _NETWORKS,
    ),
    "ethernetconnection": (
        _own("ethernetconnections", "cpufunctions", "gpufunctions", "fpgafunctions", "fpgas", "wbfunctions"),
        _core("pods", "configmaps", "services"),
    ),
    "pcieconnection": (_own("cpufunctions", "gpufunctions", "fpgafunctions", "fpgas"), _core("pods")),
    "fpgafunction": (
        _own("cpufunctions", "gpufunctions", "ethernetconnections", "pcieconnections"),
        _core("configmaps"),
    ),
}
