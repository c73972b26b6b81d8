"""Batch size, memory and speed: what a training step costs on this device, and what an epoch and a run will take."""
