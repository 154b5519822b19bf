"""The one exception family: every message says what is wrong, where, and how to mend it."""

from __future__ import annotations


class BinmorphError(Exception):
    """Base of every error that binmorph raises on purpose."""


class FormatError(BinmorphError, ValueError):
    """A ``.bmorph`` file, or the graph in it, breaks a rule of the format."""


class VersionError(FormatError):
    """The file was written by a format version that this reader does not know."""


class ChecksumError(FormatError):
    """The file's bytes are not the ones that were written."""


class ShapeError(BinmorphError, ValueError):
    """An array or a layer has a shape that does not fit."""


class DTypeError(BinmorphError, TypeError):
    """An array has a dtype that is not accepted."""


class DomainError(BinmorphError, ValueError):
    """An array holds values outside the stated set, for example 0.5 where only {0, 1} is allowed."""


class DataError(BinmorphError, ValueError):
    """Data set files that are missing, damaged, or do not fit together."""


class RecordError(BinmorphError, ValueError):
    """A file of benchmark results, or data of a benchmark suite, breaks a rule of its format."""


class UnsupportedOpError(BinmorphError, NotImplementedError):
    """A layer cannot be packed, or has no kernel on a device; the message names it and the nearest form."""


class IsaError(BinmorphError, RuntimeError):
    """The instruction set that was asked for is unknown, or missing on this machine."""


class DeviceError(BinmorphError, RuntimeError):
    """There is no such GPU, it cannot be used (the message says why), or work on it failed."""


class VerificationError(BinmorphError, RuntimeError):
    """The packed network and its reference disagree on at least one bit."""


class MemoryLimitError(BinmorphError, MemoryError):
    """Running would need more memory than the limit that was set."""
