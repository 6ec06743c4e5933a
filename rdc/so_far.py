"""Tables of a run that is still going on: whatever parts are finished, put together.

    python -m rdc.so_far results/mnist

A long run is worth committing as its rows come. Snakemake's own gathering waits for every part and
then writes the same files anew.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd

from rdc import tables


def gather(folder: Path) -> dict[str, int]:
    """Writes ``folder/tables`` from ``folder/parts``; returns the rows of each table written."""
    counts = {}
    for parts in sorted((folder / "parts").iterdir()):
        found = [tables.read(parts.name, path) for path in sorted(parts.rglob("*.parquet"))]
        if found:
            target = folder / "tables" / f"{parts.name}.parquet"
            frame = pd.concat(found, ignore_index=True)
            counts[parts.name] = len(tables.write(parts.name, frame, target))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a run's folder, such as results/mnist")
    folder = parser.parse_args().folder
    if not (folder / "parts").is_dir():
        sys.exit(f"error: {folder}/parts: no such folder; has this run measured anything yet?")
    try:
        for table, count in gather(folder).items():
            print(f"{folder}/tables/{table}.parquet: {count} rows")
    except tables.TableError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
