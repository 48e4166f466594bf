"""R-Tuning, small enough to read: what the notebooks share, and what needs a unit test."""

import logging
import warnings

__version__ = "0.2.0"

# On newer processors bitsandbytes recommends an optional download whenever it is imported; this is read before it is.
warnings.filterwarnings("ignore", message="IProgress not found")  # a plain progress bar does as well
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
