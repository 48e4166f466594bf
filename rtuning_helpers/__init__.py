"""R-Tuning, small enough to read: what the notebooks share, and what needs a unit test."""

__version__ = "0.1.0"
