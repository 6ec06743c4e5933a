"""The page that a run ends in: one file that opens offline, from tables and saved reconstructions."""
