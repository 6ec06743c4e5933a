"""Config files as Snakemake reads them: YAML, each laid over those before it; not checked yet.

YAML 1.1 takes much for what nobody meant: no for false, 010 for 8, 1:30 for 90, 2024-01-01 for a date. Such
values are refused with a word on how to write them, and so is what a few lines can make endless.
"""

import difflib
import json
import re
from collections.abc import Mapping
from pathlib import Path

import yaml

from rdc.names import shortened

MOST_BYTES = 200_000  # twenty times config/paper.yaml
MOST_NODES = 50_000  # keys, values and lists, each as often as aliases repeat it
MOST_LEVELS = 20
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
FRACTION = re.compile(r"[-+]?([0-9]{1,20}\.[0-9]{0,20}|\.[0-9]{1,20})([eE][-+]?[0-9]{1,3})?")
# Of what plain words are read as, by YAML's tag, the spellings that everybody reads so.
PLAIN = {
    "bool": re.compile("true|True|TRUE|false|False|FALSE"),
    "int": WHOLE,
    "float": FRACTION,
    "null": re.compile("|null|Null|NULL"),
    "timestamp": re.compile("(?!)"),
    "value": re.compile("(?!)"),
}
MERGE = "tag:yaml.org,2002:merge"
TEXT = "tag:yaml.org,2002:str"


class ConfigError(ValueError):
    """A config that cannot be run: says which key, what was found and what is allowed."""


class _Loader(yaml.SafeLoader):
    """Plain values alone; of a key that stands twice YAML takes the last: here it is a fault."""

    def __init__(self, text: str):
        super().__init__(text)
        self.level, self.nodes = 0, 0
        self.sizes: dict[int, int] = {}

    def compose_node(self, parent, index):
        event, before = self.peek_event(), self.nodes
        self.level += 1
        if self.level > MOST_LEVELS:
            _refuse(event, f"more than {MOST_LEVELS} levels of lists and sections")
        if getattr(event, "tag", None) is not None:
            _refuse(
                event,
                f"the tag {shortened(event.tag, 60)}: a config holds plain numbers, words, lists and sections",
            )
        node = super().compose_node(parent, index)
        if isinstance(event, yaml.AliasEvent):
            if id(node) not in self.sizes:
                _refuse(event, f"*{event.anchor} inside itself")
            self.nodes += self.sizes[id(node)]
        else:
            self.nodes += 1
            self.sizes[id(node)] = self.nodes - before
        if self.nodes > MOST_NODES:
            _refuse(
                event, f"more than {MOST_NODES:,} keys and values, counting what aliases repeat"
            )
        if isinstance(node, yaml.ScalarNode):
            _check_plain(node, event)
        self.level -= 1
        return node

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                _refuse(key, "a list or a section as a key; a key is a word")
            if key.tag not in (TEXT, MERGE):
                _refuse(
                    key,
                    f"the key {shortened(key.value, 40)}, which YAML does not take for a word: put it in quotes",
                )
            if key.value in seen:
                _refuse(key, f"the key {shortened(repr(key.value), 60)} a second time")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _check_plain(node: yaml.ScalarNode, event: yaml.Event) -> None:
    text, kind = node.value, node.tag.rpartition(":")[2]
    if not text.isprintable():
        _refuse(event, f"{shortened(repr(text), 40)}, which has characters that cannot be printed")
    if kind not in PLAIN or PLAIN[kind].fullmatch(text) or isinstance(event, yaml.AliasEvent):
        return
    if kind == "int" and len(text) > 18:
        _refuse(event, f"a whole number of {len(text)} characters, at most 18 are read")
    if kind == "float" and len(text) > 20 and not text.strip("+-.eE0123456789"):
        _refuse(
            event, f"a number of {len(text)} characters, at most 20 digits are read on either side"
        )
    meaning = {"float": "a number", "timestamp": "a date", "value": "a default"}.get(kind)
    meaning = meaning or json.dumps(yaml.safe_load(text))
    instead = "" if kind in ("timestamp", "value") else "write that in plain digits or words, or "
    _refuse(
        event, f"{shortened(text, 40)}, which YAML takes for {meaning}: {instead}put it in quotes"
    )


class _Refusal(yaml.MarkedYAMLError):
    """What is YAML, but not for a config."""


def _refuse(where, found: str) -> None:
    raise _Refusal(None, None, f"found {found}", where.start_mark)


def read(path: str | Path) -> dict:
    """A config file's mapping. Raises ConfigError, as ``plain`` does."""
    raw = plain(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: found {type(raw).__name__}, needs a mapping of sections")
    if "__use_yte__" in raw:
        raise ConfigError(
            f"{path}: found __use_yte__, with which Snakemake runs the Python that the file holds; take it out"
        )
    return raw


def plain(path: str | Path) -> object:
    """What a YAML file holds: sections, lists, words and numbers.

    Raises:
        ConfigError: names the file that cannot be read, is too large, is no YAML or holds other values, or
            has a key twice.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise ConfigError(f"{path}: {_no_file(path)}")
        with open(path, "rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ConfigError(
                f"{path}: is larger than a config, which has at most {MOST_BYTES:,} bytes"
            )
        return yaml.load(content.decode("utf-8-sig"), Loader=_Loader)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 ({error})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        mark, fault = error.problem_mark or error.context_mark, error.problem or error.context
        fault = fault if isinstance(error, _Refusal) else f"is not YAML ({fault})"
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{place}: {fault}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML ({shortened(str(error))})") from None


def _no_file(path: Path) -> str:
    if path.exists():
        return "is no file, needs a config"
    there = {*Path("config").glob("*.yaml"), *path.parent.glob("*.yaml")}
    names = sorted(str(found) for found in there if found.name != "claims.yaml")
    close = difflib.get_close_matches(str(path), names, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"no such file; there are {', '.join(names[:20]) or 'none in config/'}{hint}"


def laid_over(below: dict, above: dict) -> dict:
    """Mappings key by key; any other value takes the place of the one below."""
    both = {
        key for key in above if isinstance(below.get(key), dict) and isinstance(above[key], dict)
    }
    return below | above | {key: laid_over(below[key], above[key]) for key in both}


def typed(words: object) -> object:
    """A value of Snakemake's ``--config``, whose texts inside a mapping or a list are read as YAML.

    Snakemake leaves them texts: ``--config 'evaluation={dithers: 2}'`` gives ``"2"``.
    """
    if isinstance(words, Mapping):
        return {key: typed(value) for key, value in words.items()}
    if isinstance(words, list):
        return [typed(value) for value in words]
    if not isinstance(words, str):
        return words
    try:
        return yaml.load(words, Loader=_Loader)
    except yaml.YAMLError:
        return words
