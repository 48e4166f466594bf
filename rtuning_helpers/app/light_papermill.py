"""Imports papermill, nbclient and nbformat without what they would load and not use here.

That is pyarrow, for files in Hadoop: 30 MiB for a process that only waits; and rfc3987_syntax, which checks names of
other languages' web pages in JSON schemas: more than a second of its import goes into its grammar.
"""

import sys

_absent = [name for name in ("pyarrow", "rfc3987_syntax") if name not in sys.modules]
try:
    sys.modules |= dict.fromkeys(_absent)  # type: ignore[arg-type]  # None: an import fails, which both expect
    import nbclient as nbclient
    import nbformat as nbformat
    import papermill as papermill
finally:
    for _name in _absent:
        del sys.modules[_name]
