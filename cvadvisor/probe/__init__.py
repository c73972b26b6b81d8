"""Measure with short training, in a process of its own."""
