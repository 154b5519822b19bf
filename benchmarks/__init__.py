"""Benchmarks: python -m benchmarks.run SUITE [--json FILE]. Every system's output is checked before it is timed."""
