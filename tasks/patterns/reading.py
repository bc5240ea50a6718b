"""Reads the text of a pattern.yaml: its fields with every default, or what is wrong with it, one line each."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pydantic
import yaml

from tasks.patterns.form import PatternFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Place = tuple[str | int, ...]

# Words for what pydantic says, by its own names of errors; {} are the facts that it gives.
_REASONS = {
    "missing": "is missing",
    "string_type": "{input!r} is not text (quote it)",
    "list_type": "is not a list",
    "dict_type": "is not a mapping",
    "model_type": "is not a mapping",
    "model_attributes_type": "is not a mapping",
    "bool_type": "is not true or false",
    "int_type": "is not a whole number",
    "float_type": "is not a number",
    "finite_number": "is not a finite number",
    "too_short": "is empty",
    "string_too_short": "is empty",
    "literal_error": "{input!r} is not {expected}",
    "greater_than": "{input!r} is not greater than {gt:g}",
    "greater_than_equal": "{input!r} is less than {ge:g}",
    "less_than_equal": "{input!r} is more than {le:g}",
}
_SIMILAR = 0.6


@dataclass(frozen=True)
class Reading:
    """What a pattern.yaml says.

    Attributes:
        spec: Its fields, with every default; empty if it is not valid.
        complaints: What is wrong with it: `path:line: field: reason`.
    """

    spec: Mapping[str, Any]
    complaints: tuple[str, ...] = ()


def read(text: bytes, path: str) -> Reading:
    """Read a pattern.yaml.

    Args:
        text: Its content.
        path: The file, as messages name it.
    """
    loader = yaml.SafeLoader
    try:
        node = yaml.compose(text, Loader=loader)
        twice = [*_twice(node)] if node else []
        found = yaml.load(text, Loader=loader)  # noqa: S506 - the safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        return Reading({}, (_not_yaml(error, path),))
    lines = _lines(node) if node else {}
    if twice:
        return Reading({}, tuple(f"{path}:{line}: {field}: is given twice" for field, line in twice))
    spec, wrong = _checked(found)
    if wrong:
        return Reading({}, tuple(_line(path, lines, place, reason) for place, reason in wrong))
    return Reading(spec)


def _not_yaml(error: Exception, path: str) -> str:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return f"{path}:{mark.line + 1 if mark else 1}: is not YAML: {reason}"


def _checked(found: object) -> tuple[dict[str, Any], list[tuple[Place, str]]]:
    """Return the fields with every default, or the places of what is wrong and why."""
    if not isinstance(found, dict):
        return {}, [((), "holds no fields")]
    try:
        form = PatternFile.model_validate(found)
    except pydantic.ValidationError as invalid:
        return {}, [*_told(invalid.errors())]
    spec = form.model_dump()
    return spec, [*_inconsistent(spec)]


def _told(errors: Sequence[Any]) -> Iterator[tuple[Place, str]]:
    """Yield the places of errors, and what they are; a field that is misspelled is not said to be missing, too."""
    misspelled = {error["loc"]: _meant(error["loc"]) for error in errors if error["type"] == "extra_forbidden"}
    meant = {(*place[:-1], name) for place, name in misspelled.items() if name}
    for error in errors:
        place = error["loc"]
        if place in misspelled:
            name = misspelled[place]
            fields = ", ".join(_model_at(place).model_fields)
            yield place, f"is no field here{f'; did you mean {name}?' if name else f'; those here are {fields}'}"
        elif error["type"] != "missing" or place not in meant:
            yield place, _reason(error)


def _reason(error: Any) -> str:
    words = _REASONS.get(error["type"])
    if words is None:
        return str(error["msg"]).removeprefix("Value error, ")
    return words.format(input=error["input"], **error.get("ctx", {}))


def _meant(place: Place) -> str:
    """Return the field that was probably meant by a name that is none; empty if no field is similar."""
    near = difflib.get_close_matches(str(place[-1]), _model_at(place).model_fields, n=1, cutoff=_SIMILAR)
    return near[0] if near else ""


def _model_at(place: Place) -> type[pydantic.BaseModel]:
    """Return the model that a field is looked for in."""
    model: type[pydantic.BaseModel] = PatternFile
    for word in place[:-1]:
        if isinstance(word, str):
            model = _model_of(model, word)
    return model


def _model_of(model: type[pydantic.BaseModel], field: str) -> type[pydantic.BaseModel]:
    """Return the model of a field's value, or of its items."""
    annotation = model.model_fields[field].annotation
    parts = [annotation, *getattr(annotation, "__args__", ())]
    return next(part for part in parts if isinstance(part, type) and issubclass(part, pydantic.BaseModel))


def _inconsistent(spec: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield the places of fields that do not fit each other, and why."""
    keys = [function["key"] for function in spec["functions"]]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            yield ("functions", number, "key"), f"{key!r} is the key of another function too"
    yield from _misplaced(spec)
    yield from _confused(spec)
    yield from ((place, _no_key(key, keys)) for place, key in _named(spec) if key not in keys)
    if len(keys) < 2 and (spec["verify"]["values"] or spec["verify"]["video"]):  # noqa: PLR2004 - a first and a last
        yield ("functions",), "values and videos need two functions at least, one that sends and one that receives"
    if spec["verify"]["values"] and spec["verify"]["video"]:
        yield ("verify", "video"), "cannot be verified together with values: the first function sends one or the other"


def _confused(spec: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield the functions whose values the last one's log cannot tell from those of others."""
    expected = (spec["verify"]["values"] or {}).get("expected", ())
    seen: set[str] = set()
    for number, function in enumerate(spec["functions"]):
        operator = function["operator"] or function["key"]
        if function["key"] in expected and operator in seen:
            yield ("functions", number, "operator"), f"{operator!r} is what the value of another function is called too"
        seen |= {operator} if function["key"] in expected else set()


def _misplaced(spec: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    places = [function["node"] for function in spec["functions"]]
    if any(places):
        for number in (number for number, place in enumerate(places) if not place):
            yield ("functions", number, "node"), "is missing, but other functions have one"
        if spec["multi_worker"]:
            yield ("multi_worker",), "cannot be given together with nodes of functions"
    keys = {function["key"] for function in spec["functions"]}
    if keys and keys <= set(spec["multi_worker"]):
        yield ("multi_worker",), "leaves no function on the first worker"


def _named(spec: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield the keys of functions that other fields name, and their places."""
    verify = spec["verify"]
    yield from ((("multi_worker", number), key) for number, key in enumerate(spec["multi_worker"]))
    yield from ((("verify", "values", "expected", key), key) for key in (verify["values"] or {}).get("expected", ()))
    for kind in ("log", "command"):
        for number, each in enumerate(verify[kind]):
            yield ("verify", kind, number, "function"), each["function"]


def _no_key(key: str, keys: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, keys, n=1, cutoff=_SIMILAR)
    return f"{key!r} is the key of no function" + (f"; did you mean {near[0]}?" if near else "")


def _line(path: str, lines: Mapping[Place, int], place: Place, reason: str) -> str:
    """Return a complaint with its line: that of the field, or of the nearest that there is around it."""
    nearest = next((place[:end] for end in range(len(place), -1, -1) if place[:end] in lines), ())
    field = "".join(f"[{word}]" if isinstance(word, int) else f".{word}" for word in place).lstrip(".")
    return f"{path}:{lines.get(nearest, 1)}: {f'{field}: ' if field else ''}{reason}"


def _lines(node: yaml.Node, place: Place = ()) -> dict[Place, int]:
    """Return the line of each field and each item, counted from 1."""
    found: dict[Place, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            found |= {inner: key.start_mark.line + 1, **_lines(value, inner)}
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            inner = (*place, number)
            found |= {inner: value.start_mark.line + 1, **_lines(value, inner)}
    return found


def _twice(node: yaml.Node) -> Iterator[tuple[str, int]]:
    """Yield each field that a mapping holds twice, of which YAML would keep the last, and its line."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield str(key.value), key.start_mark.line + 1
            seen.add(str(key.value))
            yield from _twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _twice(value)
