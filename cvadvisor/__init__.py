"""cvadvisor: a diagnostic advisor and training-run linter for fine-tuning vision models.

From Python: :func:`cvadvisor.audit.audit` and :func:`cvadvisor.audit.write`, with :class:`cvadvisor.config.Settings`,
give and write a :class:`cvadvisor.diagnosis.Diagnosis`.
"""

__version__ = "0.1.0"
