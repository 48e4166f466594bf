"""The one exception that means "the user can mend this"."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input: the message is one line that names the file, row or option, what was found and what was expected.

    The command line prints the message and exits with status 2; notebooks show it as the exception's text.
    """
