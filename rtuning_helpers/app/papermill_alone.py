"""Imports papermill without pyarrow, which it would load for files in Hadoop: 30 MiB for a process that only waits."""

import sys

_absent = "pyarrow" not in sys.modules
if _absent:
    sys.modules["pyarrow"] = None  # type: ignore[assignment]  # an import of it fails, which papermill expects
try:
    import papermill as papermill
finally:
    if _absent:
        del sys.modules["pyarrow"]
