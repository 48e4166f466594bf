"""The one exception that means "the user can mend this"."""

import re


class InputError(ValueError):
    """Bad input: the message is one line that names the file, row or option, what was found and what was expected.

    Notebooks show it as the exception's text; the command line prints it and exits with status 2. A setting is
    called ``parameter tune_on`` in a message, as it stands in a notebook; the command line shows ``--tune-on`` for it.
    """


def for_command_line(message: str) -> str:
    """A message with the options as they are typed there.

    >>> for_command_line("parameter tune_on 'wice' is unknown")
    "--tune-on 'wice' is unknown"
    """
    return re.sub(r"\bparameter ([a-z_]+)", lambda found: f"--{found[1].replace('_', '-')}", message)
