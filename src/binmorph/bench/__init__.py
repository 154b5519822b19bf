"""Benchmarks: ours beside what else does the same work. Every output is checked before it is timed.

What is here needs the extra ``bench`` (torch); ``import binmorph`` does not import it.
"""
