"""Makes bench/results.csv and its plot: this library beside the field's public code.

One command for all parts, or for some::

    python bench/run.py                    # everything, about ten minutes on two quiet cores
    python bench/run.py throughput grid    # some parts; the table keeps the others' rows
    python bench/run.py quality --full     # trains the recorded long runs anew first (hours)
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # nothing needs to be installed

from bench import (
    batches,
    critic,
    grid,
    jpeg,
    limits,
    plot,
    plot_scale,
    processor,
    quality,
    rows,
    scale,
    startup,
    throughput,
)  # fmt: skip

PARTS = {
    "throughput": throughput,
    "critic": critic,
    "grid": grid,
    "quality": quality,
    "startup": startup,
    "limits": limits,
    "jpeg": jpeg,
    "batches": batches,
    "scale": scale,
}
TABLE = Path(__file__).with_name("results.csv")


def measure(part: str, options: argparse.Namespace) -> list[rows.Row]:
    """One part's rows."""
    chosen = {"rounds": options.rounds} if options.rounds else {}
    if part == "grid":
        chosen["epochs"] = options.epochs
    if part == "quality":
        chosen["full"] = options.full
    return PARTS[part].measure(**chosen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, help="turns of each side instead of a part's own")
    parser.add_argument("--epochs", type=int, help="of the grid's cells instead of the demo's")
    parser.add_argument("--full", action="store_true", help="repeat the recorded long runs too")
    parser.add_argument(
        "--out", type=Path, default=TABLE, help="the table; the plot lies beside it"
    )
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"found {', '.join(sorted(unknown))}, allowed are {', '.join(PARTS)}")
    options.out.parent.mkdir(parents=True, exist_ok=True)  # now, not after minutes of measuring
    print(f"on {processor.described()}")
    required = {}
    for name, part in PARTS.items():
        required |= part.REQUIRED
        if name in options.parts or not options.parts:
            table = rows.merge(options.out, measure(name, options))
            for r in table:
                if r.benchmark in part.REQUIRED:
                    print(f"{r.benchmark}, {r.side}: {r.median:.4g} {r.unit}, {r.ratio:.2f} x")
    table = rows.read(options.out)
    plot.draw([r for r in table if not scale.measures(r)], required, options.out)
    plot_scale.draw(table, options.out.with_name("scale"))


if __name__ == "__main__":
    main()
