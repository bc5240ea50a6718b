"""What an administrator adds to a node so that it pulls from the registry, in the form of the node's runtime."""

from __future__ import annotations

from dataclasses import dataclass

# At the beginning of what a node says of its runtime.
_CRIO = "cri-o"


@dataclass(frozen=True)
class NodeFile:
    """A file for a node.

    Attributes:
        path: Where it has to be.
        content: What it holds.
    """

    path: str
    content: str

    def __str__(self) -> str:
        """Return it as lines for the administrator."""
        return f"{self.path}:\n" + "\n".join(f"  {line}" for line in self.content.rstrip().splitlines())


def files(runtime: str, registry: str, ca: str) -> list[NodeFile]:
    """Return the files by which a node trusts a registry.

    Both runtimes read them at each pull; containerd does if its config_path is /etc/containerd/certs.d.
    https://github.com/containerd/containerd/blob/main/docs/hosts.md
    https://github.com/containers/image/blob/main/docs/containers-certs.d.5.md

    Args:
        runtime: The node's containerRuntimeVersion, such as "containerd://1.7.2".
        registry: Host of the registry, perhaps with a port.
        ca: Its CA, in PEM.
    """
    if runtime.startswith(_CRIO):
        return [NodeFile(f"/etc/containers/certs.d/{registry}/ca.crt", ca)]
    folder = f"/etc/containerd/certs.d/{registry}"
    hosts = f'server = "https://{registry}"\n\n[host."https://{registry}"]\n  ca = "{folder}/ca.crt"\n'
    return [NodeFile(f"{folder}/hosts.toml", hosts), NodeFile(f"{folder}/ca.crt", ca)]


def cure(runtime: str, registry: str, ca: str) -> str:
    """Return what an administrator has to add to a node, in lines.

    Args:
        runtime: The node's containerRuntimeVersion.
        registry: Host of the registry, perhaps with a port.
        ca: Its CA, in PEM.
    """
    return "\n".join(map(str, files(runtime, registry, ca)))
