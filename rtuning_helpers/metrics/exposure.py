"""Rates by exposure: how often something holds for facts that the mini model's corpus states never, rarely, often."""

from collections.abc import Sequence

from scipy.stats import binomtest

UNREAD, READ_OFTEN = 0, 61  # exposures: never stated; stated more than 60 times
# (label, lowest, highest exposure)
_BETWEEN = [(f"{low}-{high}", low, high) for low, high in ((1, 2), (3, 6), (7, 14), (15, 30), (31, 60))]
EXPOSURE_BINS = ((f"{UNREAD}", UNREAD, UNREAD), *_BETWEEN, (f"{READ_OFTEN}+", READ_OFTEN, 10**9))


def exposure_bin(exposure: int) -> str:
    """The label of the bin that holds it.

    >>> exposure_bin(0), exposure_bin(5), exposure_bin(100)
    ('0', '3-6', '61+')
    """
    return next(label for label, lowest, highest in EXPOSURE_BINS if lowest <= exposure <= highest)


def proportion_interval(hits: int, n: int, level: float = 0.95, method: str = "wilson") -> tuple[float, float]:
    """Interval of a share, Wilson's or ``exact``; (0, 1) where there are no observations."""
    if n == 0:
        return 0.0, 1.0
    interval = binomtest(hits, n).proportion_ci(level, method)
    return float(interval.low), float(interval.high)


def rate_by_exposure(exposures: Sequence[int | None], outcomes: Sequence[bool]) -> list[dict]:
    """Share of true outcomes in each exposure bin that has any rows.

    Args:
        exposures: How many documents of the corpus state each fact; None, unknown, is in no bin.
        outcomes: What is counted, for example whether the answer was right.

    Returns:
        Rows with ``exposure`` (label of the bin), ``n``, ``rate``, ``low`` and ``high`` (0 to 1, Wilson 95 %).

    >>> rows = rate_by_exposure([0, 0, 5], [False, True, True])
    >>> [(row["exposure"], row["rate"], row["n"]) for row in rows]
    [('0', 0.5, 2), ('3-6', 1.0, 1)]
    """
    rows = []
    for label, lowest, highest in EXPOSURE_BINS:
        hits = [bool(o) for e, o in zip(exposures, outcomes, strict=True) if e is not None and lowest <= e <= highest]
        if hits:
            low, high = proportion_interval(sum(hits), len(hits))
            rows.append({"exposure": label, "n": len(hits), "rate": sum(hits) / len(hits), "low": low, "high": high})
    return rows
