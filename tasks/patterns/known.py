"""The patterns of this checkout: the project's own, and the user's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from tasks.patterns import index, model
from tasks.problems import Problem
from tasks.settings import paths, scenarios

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from tasks.patterns.index import Entry
    from tasks.patterns.model import Pattern


@dataclass(frozen=True)
class Wrong:
    """A pattern.yaml that is not valid.

    Attributes:
        name: Name of its folder.
        file: The file, as messages name it.
        complaints: What is wrong with it, one line each.
    """

    name: str
    file: str
    complaints: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """All patterns.

    Attributes:
        patterns: Those that are valid: the project's own first, each followed by its twin.
        wrong: Those that are not.
    """

    patterns: tuple[Pattern, ...]
    wrong: tuple[Wrong, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Pattern]:
        """The patterns by the name of their tasks."""
        return {pattern.name: pattern for pattern in self.patterns}


def patterns() -> tuple[Pattern, ...]:
    """Return all patterns that are valid: the project's own first, each followed by its twin."""
    return table().patterns


def named(name: str) -> Pattern:
    """Return a pattern.

    Args:
        name: Its name.

    Raises:
        Problem: Its pattern.yaml is not valid; one line for each fault.
    """
    found = table().by_name.get(name)
    if found is None:
        complaints = [line for wrong in table().wrong if wrong.name == name for line in wrong.complaints]
        raise Problem("\n".join(complaints) or f"{name}: no such pattern")
    return found


def unusable() -> tuple[Wrong, ...]:
    """Return the patterns that are not valid, but those whose name is that of a valid one."""
    found = table()
    return tuple(wrong for wrong in found.wrong if wrong.name not in found.by_name)


def of_data_flow(live: Mapping[str, Any]) -> Pattern | None:
    """Return the pattern as which a DataFlow is deployed: of twins, one asks for nodes. None if it is no pattern's.

    Args:
        live: The DataFlow, as the API returns it.
    """
    where = (live["metadata"].get("namespace", ""), live["metadata"]["name"])
    same = [pattern for pattern in patterns() if (pattern.namespace, pattern.dataflow) == where]
    asks = bool(live.get("spec", {}).get("userRequirement"))
    alike = [pattern for pattern in same if pattern.is_placed == asks] if len(same) > 1 else same
    return next(iter(alike), None)


def namespaces() -> tuple[str, ...]:
    """Return the namespaces of all patterns."""
    return tuple(dict.fromkeys(pattern.namespace for pattern in patterns()))


def function_namespaces() -> tuple[str, ...]:
    """Return the namespaces of functions; pods there may read what the sidecar watches."""
    return tuple(dict.fromkeys([*namespaces(), scenarios.TEST_NAMESPACE]))


def table() -> Table:
    """Return the patterns of this checkout, valid or not."""
    return _table(paths.PATTERNS, paths.OWN_PATTERNS, paths.PATTERN_INDEX)


def forget() -> None:
    """Forget what was read in this process, for those who have written a pattern."""
    _table.cache_clear()


@cache
def _table(ours: Path, own: Path, kept: Path) -> Table:
    found = [
        *index.sources(ours, "manifest/patterns", is_own=False),
        *index.sources(own, "work/patterns", is_own=True),
    ]
    good: list[Pattern] = []
    wrong: list[Wrong] = []
    for entry in _ordered(index.entries(found, kept)):
        made = model.made(entry.name, entry.file, entry.spec, is_own=entry.is_own) if not entry.complaints else []
        complaints = (*entry.complaints, *_clashes(made, good))
        if complaints:
            wrong.append(Wrong(entry.name, entry.file, complaints))
        else:
            good += made
    return Table(tuple(good), tuple(wrong))


def _ordered(entries: Iterable[Entry]) -> list[Entry]:
    """Return the project's own by name, which is the scenario manual's order, then the user's by name."""
    return sorted(entries, key=lambda entry: (entry.is_own, entry.name))


def _clashes(made: Iterable[Pattern], others: Iterable[Pattern]) -> Iterator[str]:
    """Yield why a pattern cannot be beside others: each needs a name and a DataFlow of its own."""
    names = {pattern.name: pattern.file for pattern in others}
    dataflows = {pattern.dataflow: pattern.file for pattern in others}
    for pattern in made:
        if pattern.name in names:
            yield f"{pattern.file}: the name {pattern.name} is that of {names[pattern.name]}"
    for dataflow, file in {pattern.dataflow: pattern.file for pattern in made}.items():
        if dataflow in dataflows:
            yield f"{file}: dataflow: {dataflow!r} is that of {dataflows[dataflow]}"
