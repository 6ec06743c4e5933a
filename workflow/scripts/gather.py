"""Puts the parts of one table together, in a fixed order."""

import pandas as pd

from rdc import joblog, tables

report = joblog.start(snakemake.log[0], expected=(tables.TableError,))
table = snakemake.wildcards.table
parts = [tables.read(table, path) for path in snakemake.input.parts]
frame = tables.write(table, pd.concat(parts, ignore_index=True), snakemake.output.table)
report(f"{len(frame)} rows from {len(parts)} parts")
