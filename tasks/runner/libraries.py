"""Loads the libraries that functions import on demand, before tasks run in parallel on threads.

Two threads that import one library along different paths at the same time may see it half initialized, or deadlock.
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
    "kubernetes.config",
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
    """Import all of them, which takes about a second."""
    for name in _NAMES:
        importlib.import_module(name)
