"""How a faulty config reads: pydantic's faults as sentences about the user's file. No torch."""

import difflib
from typing import Any

from pydantic import BaseModel

from rdc.names import shortened, shown

# What pydantic calls a valid string, tuple or instance.
NEEDED = {
    "string_type": "text: put it in quotes",
    "tuple_type": "a list of two, such as [0.5, 0.9]",
    "list_type": "a list",
    "dict_type": "a section of names",
    "model_type": "a section of keys",
    "model_attributes_type": "a section of keys",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
}


def nearest(found: str, allowed) -> str:
    if not allowed:
        return ", but none are defined"
    close = difflib.get_close_matches(str(found)[:80], [str(a) for a in allowed][:1000], n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    names = [str(name) for name in allowed]
    more = f" and {len(names) - 40} more" if len(names) > 40 else ""
    return f", allowed are {', '.join(names[:40])}{more}{hint}"


def explain(fault: dict, root: type[BaseModel]) -> str:
    """One pydantic fault as one sentence about the user's file."""
    path, found = fault["loc"], fault.get("input")
    where = ".".join(str(part) for part in path if part not in ("str", "float", "int", "[key]"))
    where = shortened(where)
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        fields = _section_at(path[:-1], root).model_fields
        return f"{where}: unknown key{nearest(str(path[-1]), fields)}"
    if kind == "missing":
        return f"{where}: missing; it has no default"
    if kind == "value_error":
        return f"{where}: {context['error']}" if where else str(context["error"])
    if kind == "literal_error":
        allowed = [part.strip().strip("'") for part in _choices(context["expected"])]
        return f"{where}: found {shown(found)}{nearest(str(found), allowed)}"
    limits = {"greater_than_equal": ("ge", "at least"), "greater_than": ("gt", "more than"),
              "less_than_equal": ("le", "at most"), "less_than": ("lt", "less than")}  # fmt: skip
    if kind in limits:
        key, words = limits[kind]
        return f"{where}: found {shown(found)}, needs {words} {context[key]}"
    if kind in NEEDED:
        return f"{where}: found {shown(found)}, needs {NEEDED[kind]}"
    return f"{where}: found {shown(found)}; {fault['msg'][0].lower()}{fault['msg'][1:]}"


def _choices(expected: str) -> list[str]:
    return expected.replace(" or ", ", ").split(",")


def _section_at(path: tuple, root: type[BaseModel]) -> type[BaseModel]:
    """The model that describes the section at ``path`` of the config."""
    model: Any = root
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[part].annotation
        else:  # the value type of a mapping of names to sections
            model = model.__args__[-1]
        if (
            not isinstance(model, type)
            and hasattr(model, "__args__")
            and type(None) in (model.__args__)
        ):
            model = next(a for a in model.__args__ if a is not type(None))
    return model
