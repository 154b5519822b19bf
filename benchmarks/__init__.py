"""Benchmarks: python -m benchmarks.run SUITE [--json FILE]. Outputs are checked before they are timed."""
