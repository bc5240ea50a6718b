"""Reads the text of a pattern.yaml: its fields with every default, or what is wrong with it, one line each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pydantic
import yaml

from tasks.patterns import marks
from tasks.patterns.form import PatternFile, models_in
from tasks.similar import meant, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tasks.patterns.marks import Place

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
# What the controller puts between the names of a DataFlow and of a function, and how it calls the ends of a chain.
_WORD, _ENDS = "wbfunction", "wb-"
# Of a label's value, and of the name of a Service, in characters.
_LONGEST = 63


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
        twice = [*marks.twice(node)] if node else []
        found = yaml.load(text, Loader=loader)  # noqa: S506 - the safe loader
    except (yaml.YAMLError, ValueError) as error:
        return Reading({}, (marks.not_yaml(error, path),))
    lines = marks.lines(node) if node else {}
    if twice:
        return Reading({}, tuple(f"{path}:{line}: {field}: is given twice" for field, line in twice))
    spec, wrong = _checked(found)
    if wrong:
        return Reading({}, tuple(marks.located(path, lines, place, reason) for place, reason in wrong))
    return Reading(spec)


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
            yield place, reason_of(error)


def reason_of(error: Any) -> str:
    """Return what is wrong with a field, by one of pydantic's errors."""
    words = _REASONS.get(error["type"])
    if words is None:
        return str(error["msg"]).removeprefix("Value error, ")
    return words.format(input=error["input"], **error.get("ctx", {}))


def _meant(place: Place) -> str:
    """Return the field that was probably meant by a name that is none; empty if no field is similar."""
    return nearest(str(place[-1]), _model_at(place).model_fields)


def _model_at(place: Place) -> type[pydantic.BaseModel]:
    """Return the model that a field is looked for in."""
    model: type[pydantic.BaseModel] = PatternFile
    for word in place[:-1]:
        if isinstance(word, str):
            model = _model_of(model, word)
    return model


def _model_of(model: type[pydantic.BaseModel], field: str) -> type[pydantic.BaseModel]:
    """Return the model of a field's value, or of its items."""
    return models_in(model.model_fields[field].annotation)[0]


def _inconsistent(spec: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield the places of fields that do not fit each other, and why."""
    keys = [function["key"] for function in spec["functions"]]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            yield ("functions", number, "key"), f"{key!r} is the key of another function too"
    yield from _unnameable(spec)
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


def _unnameable(spec: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    """Yield the names from which the controller cannot make those of pods and connections."""
    dataflow = spec["dataflow"]
    if _WORD in dataflow.split("-"):
        yield ("dataflow",), f"{dataflow!r} has the word {_WORD}, at which the controller takes names apart"
    for number, function in enumerate(spec["functions"]):
        key = function["key"]
        pod = f"{dataflow}-{_WORD}-{key}-cpu-pod"
        if key.startswith(_ENDS):
            yield ("functions", number, "key"), f"{key!r} begins with {_ENDS}, as the ends of a chain do"
        if len(pod) > _LONGEST:
            reason = f"{pod} has {len(pod)} characters; Kubernetes takes {_LONGEST} for the label with a pod's name"
            yield ("functions", number, "key"), reason


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
    return f"{key!r} is the key of no function{meant(key, keys)}"
