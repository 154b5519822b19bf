"""Suites by name: each module has ``cases(threads)``."""
