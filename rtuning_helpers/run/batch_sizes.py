"""Smaller batches for a process that follows one that was killed for lack of memory, and so could not learn from it.

``RTUNING_BATCH_DIVISOR=2`` halves what is computed with at the same time. The results differ by rounding only, so it is
no part of what a step depends on.
"""

import os
from dataclasses import replace

from rtuning_helpers.errors import InputError
from rtuning_helpers.run.profiles import Profile

BATCH_DIVISOR = "RTUNING_BATCH_DIVISOR"


def smaller(settings: Profile) -> Profile:
    """The profile with batches as small as the variable asks for; an optimiser step sees as many examples as before.

    Raises:
        InputError: The variable holds no such number.
    """
    text = os.environ.get(BATCH_DIVISOR, "1")
    if not (text.isdecimal() and int(text) > 0):
        raise InputError(f"variable {BATCH_DIVISOR} {text!r}: expected a whole number of at least 1")
    parts = max(part for part in range(1, min(int(text), settings.batch_size) + 1) if settings.batch_size % part == 0)
    return replace(
        settings,
        batch_size=settings.batch_size // parts,
        accumulation=settings.accumulation * parts,
        answer_batch=max(1, settings.answer_batch // int(text)),
    )
