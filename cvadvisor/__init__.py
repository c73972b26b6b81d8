"""cvadvisor: a diagnostic advisor and training-run linter for fine-tuning vision models."""

__version__ = "0.1.0"
