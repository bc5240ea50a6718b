"""The objects in the files of a pattern, and what leads from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.patterns.objects import CONFIG_MAP, DATA_FLOW, FUNCTION_CHAIN, FUNCTION_TYPE

if TYPE_CHECKING:
    from tasks.patterns.model import Hop, Pattern
    from tasks.patterns.objects import Item

# The namespace in which the controller looks for the configuration of functions.
CONFIGURATION = "default"


@dataclass(frozen=True)
class Found:
    """The objects in the files of a pattern.

    Attributes:
        pattern: The pattern.
        items: The objects.
    """

    pattern: Pattern
    items: tuple[Item, ...]

    def of(self, kind: str) -> list[Item]:
        """Return the objects of a kind."""
        return [item for item in self.items if item.kind == kind]

    def named(self, kind: str, namespace: str, name: str) -> Item | None:
        """Return an object; None if it is not there."""
        return next((one for one in self.of(kind) if (one.namespace, one.name) == (namespace, name)), None)

    def configuration(self, name: str) -> Item | None:
        """Return the configuration of a function; None if it is not there.

        Args:
            name: What a functioninfo calls it; the controller takes a hyphen for each underscore.
        """
        return self.named(CONFIG_MAP, CONFIGURATION, name.replace("_", "-"))

    def chain(self) -> Item | None:
        """Return the chain of the pattern's DataFlow; None if there is no such."""
        flow = self.named(DATA_FLOW, self.pattern.namespace, self.pattern.dataflow)
        return self.named(FUNCTION_CHAIN, flow.form.spec.chain.namespace, flow.form.spec.chain.name) if flow else None

    def type_of(self, hop: Hop) -> Item | None:
        """Return the FunctionType of a function; None if the files do not lead to one."""
        chain = self.chain()
        used = chain.form.spec.functions.get(hop.key) if chain else None
        return self.type_named(used.function, used.version) if used else None

    def type_named(self, function: str, version: str) -> Item | None:
        """Return the FunctionType of a function in a version; None if there is none."""
        wanted = (function, version)
        of_it = (one for one in self.of(FUNCTION_TYPE) if (one.form.spec.function, one.form.spec.version) == wanted)
        return next(of_it, None)
