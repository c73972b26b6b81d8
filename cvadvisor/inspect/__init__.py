"""Measure without training."""
