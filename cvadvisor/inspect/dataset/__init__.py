"""Look at every image of a dataset once: see :mod:`cvadvisor.inspect.dataset.inspection`."""
