"""Look at every image of a dataset once."""
