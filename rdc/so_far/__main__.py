"""Puts the finished parts of a run together: the package says how."""

import argparse
import sys
import tempfile
from pathlib import Path

from rdc import claims, so_far, tables
from rdc.config import Config, ConfigError, load
from rdc.datasets.labelled import DataError
from rdc.jpeg import standard
from rdc.networks.weights import WeightsError
from rdc.report import earlier, page, terminal
from rdc.so_far import rows, shown


def main() -> None:
    parser = argparse.ArgumentParser(description=so_far.__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a run's folder, such as results/mnist")
    parser.add_argument(
        "--config",
        nargs="+",
        help="its config: writes the ledger, the figures and the page too; later ones over it",
    )
    parser.add_argument(
        "--left", action="store_true", help="only name the targets of cells that have no row yet"
    )
    asked = parser.parse_args()
    if asked.left and asked.config is None:
        parser.error("--left needs --config")
    try:
        config = load(*asked.config) if asked.config else None
        if asked.left:
            print(*rows.left(asked.folder, config), sep="\n")
        else:
            _put_together(asked.folder, config, ["--configfile", *(asked.config or [])])
    except (DataError, WeightsError) as error:
        sys.exit(
            f"error: {error}\nA cell's key needs its data and its classifier; make them first, naming the "
            f"missing file: snakemake --cores all FILE --configfile " + " ".join(asked.config)
        )
    except (
        OSError,
        ConfigError,
        claims.ClaimError,
        tables.TableError,
        standard.TableError,
        earlier.PageError,
    ) as error:
        sys.exit(f"error: {error}")


def _put_together(folder: Path, config: Config | None, arguments: list[str]) -> None:
    if not (folder / "parts").is_dir():
        sys.exit(f"error: {folder}/parts: no such folder; has this run measured anything yet?")
    if config is not None and config.run != folder.resolve().name:
        sys.exit(
            f"error: {folder}: found another run than the config's, {config.run!r}; rows of cells that the "
            "config does not know would be lost"
        )
    due = rows.due_keys(config, folder) if config else None
    for table, count in rows.gather(folder, due).items():
        print(f"{folder}/tables/{table}.parquet: {count} rows")
    if config is not None:
        with tempfile.TemporaryDirectory() as scratch:
            run = shown.collect(folder, config, arguments, Path(scratch))
            page.write(run, folder / "report.html")
        print(terminal.summary(run, f"{folder}/report.html"))


if __name__ == "__main__":
    main()
