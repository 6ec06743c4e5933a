"""Says in a sentence whether a config can be run: before Snakemake, which reads it first and otherwise.

    python -m rdc.config_check config/mnist.yaml [another, laid over it, ...]

Snakemake ends in a traceback where a file named by --configfile is missing or is no YAML, and takes a file
that says __use_yte__ for a program. Exit 1 and the reason; nothing and exit 0 where all is well.
"""

import sys

from rdc import cells, config


def main(paths: list[str]) -> int:
    if not paths:
        print(f"usage: {__doc__.splitlines()[2].strip()}", file=sys.stderr)
        return 2
    try:
        cells.expand(config.load(*paths))
    except config.ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
