"""From a cell and its data to weights. All code that these modules import is in the cell's key."""
