"""The papers' own points on MNIST, all in one form."""

from pathlib import Path

import pandas as pd

from rdc.figures import style

# Nguyen's models by the names of their figures.
MODELS = {"e2e": "end to end", "universal": "universal"}
COLUMNS = ["paper", "name", "label", "rate", "mse", "accuracy", "nll"]


def points(folder: str | Path) -> pd.DataFrame:
    """From ``le-table3.csv`` and ``nguyen-figures.csv``, a row a point.

    ``rate`` in bits an image, ``mse`` per pixel; Le gives an accuracy (0 to 1), Nguyen the classifier's
    loss ``nll``, the other is NaN. ``label`` is short, or None.
    """
    le = pd.read_csv(Path(folder) / "le-table3.csv").rename(columns={"rate_bits": "rate"})
    names = le.method.map(style.method_name)
    le = le.assign(paper="le", name="Le, Table 3: " + names, label=names.str.partition(":")[0])
    nguyen = pd.read_csv(Path(folder) / "nguyen-figures.csv")
    nguyen = nguyen.drop_duplicates(["rate_bits", "model", "mse_per_pixel", "metric", "value"])
    nguyen = nguyen.rename(columns={"rate_bits": "rate", "mse_per_pixel": "mse"})
    figures = nguyen.figure.str.replace("poster_b", "poster").str.replace("fig", "Fig ")
    nguyen = nguyen.assign(
        paper="nguyen",
        name="Nguyen, " + figures + ": " + nguyen.model.map(MODELS),
        label=None,
        nll=nguyen.value.where(nguyen.metric == "ce"),
    )
    return pd.concat([le, nguyen], ignore_index=True)[COLUMNS]
