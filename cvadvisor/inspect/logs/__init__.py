"""Read training logs."""
