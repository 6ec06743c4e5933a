"""Config files as Snakemake reads them: YAML, each laid over those before it; not checked yet."""

from collections.abc import Mapping
from pathlib import Path

import yaml


class ConfigError(ValueError):
    """A config that cannot be run: says which key, what was found and what is allowed."""


class _Loader(yaml.SafeLoader):
    """Of a key that stands twice YAML takes the last: here it is a fault."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"found the key {key.value!r} a second time", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read(path: str | Path) -> dict:
    """A config file's mapping.

    Raises:
        ConfigError: names the file that cannot be read, is no YAML, or has a key twice.
    """
    try:
        raw = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_Loader)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 ({error})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: is not YAML ({error})") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: found {type(raw).__name__}, needs a mapping of sections")
    return raw


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
