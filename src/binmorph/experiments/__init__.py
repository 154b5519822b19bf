"""Experiments of Aouad & Talbot, each with a seed, a table beside the published figures, and figures."""
