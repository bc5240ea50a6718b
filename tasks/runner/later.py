"""Imports a task's modules when it runs, so that the graph loads without them (`doit list`: half of the time).

A graph.py names each module twice: as an import for the type checker, and with `later` for the run.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Function:
    """A function of a module that is not imported yet.

    Attributes:
        module: Full name of the module.
        name: Name of the function in it.
    """

    module: str
    name: str

    @property
    def __name__(self) -> str:
        """The name of the function."""
        return self.name

    @property
    def function(self) -> Any:
        """Import the module, and return the function.

        Raises:
            AttributeError: The module has no such function.
        """
        return getattr(importlib.import_module(self.module), self.name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Import the module, and call the function."""
        return self.function(*arguments, **options)


class Module:
    """A module that is imported when one of its functions is called."""

    def __init__(self, name: str) -> None:
        """Keep the full name of the module."""
        self._name = name

    def __getattr__(self, name: str) -> Function:
        """Return a function of the module without importing it."""
        return Function(self._name, name)


def later(name: str) -> Any:
    """Return a module that is imported when one of its functions is called.

    Args:
        name: Its full name, such as `tasks.images.base`.
    """
    return Module(name)
