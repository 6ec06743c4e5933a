"""A run that is still going on: whatever parts are finished, put together.

    python -m rdc.so_far results/mnist
    python -m rdc.so_far results/mnist --config config/mnist.yaml
    python -m rdc.so_far results/mnist --config config/mnist.yaml --left

A long run is worth looking at, and committing, as its rows come. The first writes the tables; with its
config the ledger, the figures and the page are written too, and rows of cells that the config has no
longer, or that older code or settings made, are left out. A checkout on a new machine goes on from the
rows that were committed: those whose key this machine would give as well stay, without their cells being
trained anew, and ``--left`` names the targets of all others for Snakemake. A cell that another study has a
row of, which is to say one of the same key, has that row. Pictures stay as the page shows them, and so do
JPEG's curves, figures and claims where the rows of single files are not here.
Snakemake's own gathering waits for every part and then writes the same files anew.
"""
