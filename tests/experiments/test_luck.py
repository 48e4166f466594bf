"""Lucky guesses among the certain questions: hand-computed, and every bad argument."""

from __future__ import annotations

import pytest

from rtuning_helpers.experiments.labels.luck import count_luck


def rows(*bins):
    """(exposure, right, wrong) of each bin as the two columns."""
    exposures = [e for e, right, wrong in bins for _ in range(right + wrong)]
    correct = [hit for _, right, wrong in bins for hit in [True] * right + [False] * wrong]
    return exposures, correct


def test_by_hand():
    # Guess rate 2/10. Of the 10 questions read 100 times 1 is wrong; unknown ones come out wrong with 0.8, so there are
    # 1/0.8 unknown ones, 0.25 of which were guessed right.
    luck = count_luck(*rows((0, 2, 8), (100, 9, 1)))
    assert (luck.chance, luck.certain, luck.never_read) == (0.2, 11, 2)
    assert luck.lucky == pytest.approx(2.25)
    assert luck.share == pytest.approx(2.25 / 11)
    assert luck.lucky_ci95[0] <= luck.lucky <= luck.lucky_ci95[1]


def test_all_learnt_leaves_the_luck_on_the_unread():
    luck = count_luck(*rows((0, 1, 19), (3, 10, 0), (20, 5, 0)))
    assert luck.lucky == pytest.approx(luck.never_read) == 1


def test_nothing_learnt_means_that_all_is_luck():
    luck = count_luck(*rows((0, 10, 90), (5, 10, 90)))
    assert luck.lucky == pytest.approx(20)
    assert luck.share == pytest.approx(1)


def test_the_seed_decides_the_interval():
    columns = rows((0, 5, 45), (2, 30, 20), (50, 49, 1))
    assert count_luck(*columns, seed=1) == count_luck(*columns, seed=1)
    assert count_luck(*columns, seed=1).lucky_ci95 != count_luck(*columns, seed=2).lucky_ci95


@pytest.mark.parametrize(
    ("exposures", "correct", "message"),
    [
        ([0, 1], [True], "correct has 1 rows, exposures 2"),
        ([0, 1], [False, False], "correct holds no right answer"),
        ([0, 1], [True, True], "chance cannot be measured"),
        ([5, 1], [True, True], "chance cannot be measured"),
    ],
)
def test_bad_columns(exposures, correct, message):
    with pytest.raises(ValueError, match=message):
        count_luck(exposures, correct)
