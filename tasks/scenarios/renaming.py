"""Gives the objects in a pattern's files other names, at every place that names them; all other text stays as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.controller.kinds import DATA_FLOW, FUNCTION_CHAIN, FUNCTION_TYPE
from tasks.engines.kube.manifests import CONFIG_MAP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import yaml

    Path = tuple[str, ...]
    # The new name by kind and old name.
    Names = Mapping[str, Mapping[str, str]]

# What a chain calls a function; it is the name of no object.
_FUNCTION = "Function"
_ANY = "*"
_NAME = ("metadata", "name")
_DATA = "data"
# Where an object holds names, and what they are the names of.
_PLACES: dict[str, dict[Path, str]] = {
    CONFIG_MAP.name: {_NAME: CONFIG_MAP.name, (_DATA, _ANY): CONFIG_MAP.name},
    FUNCTION_TYPE.name: {
        _NAME: FUNCTION_TYPE.name,
        ("spec", "functionName"): _FUNCTION,
        ("spec", "functionInfoCMRef", "name"): CONFIG_MAP.name,
    },
    FUNCTION_CHAIN.name: {_NAME: FUNCTION_CHAIN.name, ("spec", "functions", _ANY, "functionName"): _FUNCTION},
    DATA_FLOW.name: {
        _NAME: DATA_FLOW.name,
        ("spec", "functionChainRef", "name"): FUNCTION_CHAIN.name,
        ("spec", "userRequirement"): CONFIG_MAP.name,
    },
}
# The places that give a name; the others refer to one.
_GIVES = {*((kind, _NAME) for kind in _PLACES), (FUNCTION_TYPE.name, ("spec", "functionName"))}
# A reference to a ConfigMap in the JSON that another holds; in a quoted text of YAML, its quotes are escaped.
_IN_JSON = re.compile(r'(\\?"(?:configName|name)\\?"\s*:\s*\\?")([^"\\]+)(\\?")')


@dataclass(frozen=True)
class Given:
    """A name that an object has in a pattern's files.

    Attributes:
        kind: What it is the name of: a kind of objects, or a function.
        namespace: Its namespace.
        name: The name.
    """

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """Return it for messages, as `manifests.label_of` does."""
        return f"{self.kind} {self.namespace}/{self.name}"


def given(texts: Iterable[str]) -> set[Given]:
    """Return the names that the objects in files have.

    Args:
        texts: The content of the files.

    Raises:
        yaml.YAMLError: A text is not YAML.
    """
    return {name for text in texts for document in _documents(text, is_located=False) for name in _given(document)}


def stem(names: Iterable[str]) -> str:
    """Return the words that all names have in common, in a row, such as cpu-p1c1; empty if there are none.

    Args:
        names: Names of words with hyphens between them.
    """
    words = [name.split("-") for name in names]
    first = min(words, key=len, default=[])
    lengths = range(len(first), 0, -1)
    runs = (first[start : start + length] for length in lengths for start in range(len(first) - length + 1))
    return "-".join(next((run for run in runs if all(_at(run, each) is not None for each in words)), []))


def renamed(name: str, before: str, after: str) -> str:
    """Return a name with other words in place of those that it has in common with others.

    Args:
        name: The name.
        before: What all have in common; if that is empty, the other words come before the name.
        after: The other words.
    """
    words, old = name.split("-"), before.split("-")
    at = _at(old, words) if before else None
    return f"{after}-{name}" if at is None else "-".join([*words[:at], after, *words[at + len(old) :]])


def rename(text: str, names: Names) -> str:
    """Return the text of a file with other names, at every place that gives them or refers to them.

    Args:
        text: The content of the file.
        names: The new name by kind and old name.

    Raises:
        yaml.YAMLError: The text is not YAML.
    """
    documents = _documents(text, is_located=True)
    changes = {change for document in documents for change in _changes(document, text, names)}
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _at(run: Sequence[str], words: Sequence[str]) -> int | None:
    """Return where words stand in a row among others."""
    return next((at for at in range(len(words)) if list(words[at : at + len(run)]) == list(run)), None)


def _documents(text: str, *, is_located: bool) -> Iterator[yaml.Node]:
    """Yield the documents of a YAML text; the places of what is in them take ten times as long."""
    import yaml

    loader = yaml.SafeLoader if is_located else getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    yield from yaml.compose_all(text, Loader=loader)


def _given(document: yaml.Node) -> Iterator[Given]:
    found = {path: value.value for path, _, value in _scalars(document)}
    kind, namespace = found.get(("kind",), ""), found.get(("metadata", "namespace"), "")
    for path, what in _PLACES.get(kind, {}).items():
        if (kind, path) in _GIVES and path in found:
            yield Given(what, namespace, found[path])


def _changes(document: yaml.Node, text: str, names: Names) -> Iterator[tuple[int, int, str]]:
    """Yield the start and the end of each text that may name something, and what it becomes."""
    scalars = [*_scalars(document)]
    kind = next((value.value for path, _, value in scalars if path == ("kind",)), "")
    for path, key, value in scalars:
        new = names.get(_what(_PLACES.get(kind, {}), path), {})
        if new:
            start, end = value.start_mark.index, value.end_mark.index
            yield start, end, _with_names(text[start:end], value.value, new)
        if new and path[0] == _DATA:
            start, end = key.start_mark.index, key.end_mark.index
            yield start, end, _with_name_of_file(text[start:end], key.value, new)


def _with_names(text: str, value: str, new: Mapping[str, str]) -> str:
    """Return a text that is a name, or JSON with names in it, with the new ones."""
    if value in new:
        return text.replace(value, new[value], 1)
    return _IN_JSON.sub(lambda match: match[1] + new.get(match[2], match[2]) + match[3], text)


def _with_name_of_file(text: str, key: str, new: Mapping[str, str]) -> str:
    """Return the key of a file in a ConfigMap, which is often the ConfigMap's own name with an ending."""
    name, dot, _ = key.partition(".")
    return text.replace(name, new[name], 1) if dot and name in new else text


def _what(places: Mapping[Path, str], path: Path) -> str:
    """Return what a place holds the name of; empty if it holds none."""
    found = (
        what
        for place, what in places.items()
        if len(place) == len(path) and all(wanted in (_ANY, word) for wanted, word in zip(place, path, strict=True))
    )
    return next(found, "")


def _scalars(node: yaml.Node, path: Path = ()) -> Iterator[tuple[Path, yaml.Node, yaml.Node]]:
    """Yield each text in nested mappings: where it is, its key and itself."""
    import yaml

    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        inner = (*path, str(key.value))
        if isinstance(value, yaml.ScalarNode):
            yield inner, key, value
        else:
            yield from _scalars(value, inner)
