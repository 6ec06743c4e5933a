"""What the run cost: training and measuring by study and device, and the jobs of each stage."""

from pathlib import Path

import pandas as pd


def cells(costs: pd.DataFrame) -> list[dict]:
    """Seconds of training and measuring, by study and device, as each cell recorded them.

    A cell that two studies share was trained once, and is counted with the first.
    """
    found = []
    for (study, device), own in once(costs).groupby(["study", "device"], sort=True):
        found.append(
            {
                "study": study,
                "device": device,
                "cells": len(own),
                "train": float(own.train_seconds.sum()),
                "evaluate": float(own.evaluate_seconds.sum()),
            }
        )
    return found


def once(costs: pd.DataFrame) -> pd.DataFrame:
    """One row a trained cell, whatever the number of studies that show it."""
    return costs.drop_duplicates("cell_key")


def stages(folder: Path) -> list[dict]:
    """Jobs, seconds, mean cores and peak memory of each stage, from Snakemake's benchmark files.

    A file holds the last run of its job: work that the store kept from an earlier one is not in it.
    No folder, no stages.
    """
    parts: dict[str, list[pd.DataFrame]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        stage = path.relative_to(folder).with_suffix("").parts[0]
        parts.setdefault(stage, []).append(pd.read_csv(path, sep="\t", na_values="-"))
    found = []
    for stage, frames in parts.items():
        rows = pd.concat(frames)
        found.append(
            {
                "stage": stage,
                "jobs": len(rows),
                "seconds": float(rows.s.sum()),
                "longest": float(rows.s.max()),
                "cpu": float(rows.cpu_time.sum()),
                "memory": float(rows.max_rss.max()),  # MB
            }
        )
    return sorted(found, key=lambda row: -row["seconds"])


def spoken(seconds: float) -> str:
    """``42 s``, ``3.4 min``, ``2.1 h``."""
    if seconds < 100:
        return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
