from scikit_build_core.setuptools.build_meta import *  # noqa
