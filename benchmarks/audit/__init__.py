"""The parts of `python -m benchmarks.audit_published`: checks of one problem, figures over many, the page."""
