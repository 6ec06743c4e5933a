"""From a cell and files to files: its data, classifier and frozen encoder to its weights.

All code that these modules import is in the cell's key."""
