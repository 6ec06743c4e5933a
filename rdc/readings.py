"""What classifiers read of each codec's reconstructions, from the table ``confusion``."""

import pandas as pd


def read_right(confusion: pd.DataFrame) -> pd.Series:
    """Share of test images read right, by (study, cell, classifier)."""
    hits = confusion[confusion.label == confusion.predicted]
    hits = hits.assign(count=hits.share * hits.n_images)
    sums = hits.groupby(["study", "cell", "classifier"])[["count", "n_images"]].sum()
    return sums["count"] / sums.n_images
