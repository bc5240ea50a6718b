"""The credentials of the registry: in the process environment only, so that no file, table or argument holds them."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

USER = "DCI_REGISTRY_USER"
PASSWORD = "DCI_REGISTRY_PASSWORD"  # noqa: S105 - the name of a variable
NAMES = (USER, PASSWORD)


@dataclass(frozen=True)
class Credentials:
    """Who pulls and pushes.

    Attributes:
        user: Name of a user, or of one of harbor's robots, which holds a `$`.
        password: The secret; its `repr` does not show it.
    """

    user: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """User and password as HTTP and Docker's config.json write them."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


def current() -> Credentials | None:
    """Return the credentials of this process; None if the registry is used without credentials."""
    found = given()
    return Credentials(found[USER], found[PASSWORD]) if len(found) == len(NAMES) else None


def given() -> dict[str, str]:
    """Return the variables that are set, for a run that this one starts."""
    return {name: os.environ[name] for name in NAMES if os.environ.get(name)}


def kept_out(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the credentials, for programs that have no use for them."""
    return {name: value for name, value in environ.items() if name not in NAMES}
