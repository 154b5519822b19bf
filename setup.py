"""For tools that look for a setup.py; ``pip install .`` does not read it. Metadata: pyproject.toml."""

from scikit_build_core.setuptools.wrapper import setup

setup(cmake_source_dir=".", package_data={"binmorph": ["*.json"]})
