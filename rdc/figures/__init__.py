"""One module per paper. They read tables and saved reconstructions, never models."""
