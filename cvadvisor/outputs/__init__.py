"""Render a diagnosis, one file a format."""
