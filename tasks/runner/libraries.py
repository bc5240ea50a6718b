"""Libraries that functions import when they need them, loaded before tasks run side by side on threads.

Two threads that import one library by different ways at the same time see it half made, or each waits for the other.
"""

from __future__ import annotations

import importlib

_NAMES = (
    "av",
    "cryptography.exceptions",
    "cryptography.hazmat.primitives.asymmetric",
    "cryptography.hazmat.primitives.serialization",
    "cryptography.x509.oid",
    "docker.errors",
    "dotenv.parser",
    "jinja2",
    "kubernetes.client.exceptions",
    "kubernetes.stream",
    "requests.utils",
    "rich.console",
    "rich.live",
    "rich.text",
    "tenacity",
    "urllib3.exceptions",
    "websocket",
    "yaml",
)


def load() -> None:
    """Import all of them; it takes about a second."""
    for name in _NAMES:
        importlib.import_module(name)
