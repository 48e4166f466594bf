"""Questions shared out over processes: none is lost, none is there twice, and their order stays."""

from __future__ import annotations

import sys

import pytest
from several import in_several

from rtuning_helpers import ranks
from rtuning_helpers.evaluation.shards import merged, share_out

linux = pytest.mark.skipif(sys.platform != "linux", reason="the processes are no copies of this one")


def test_one_process_does_all_at_once():
    asked = []
    assert share_out("abc", lambda rows: asked.append(rows) or [row.upper() for row in rows]) == ["A", "B", "C"]
    assert asked == ["abc"]


@linux
@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("rows", [0, 1, 2, 7])
def test_each_row_is_done_by_one_process_and_told_to_all(count, rows):
    def do():
        own = []
        found = share_out(range(rows), lambda part: own.extend(part) or [10 * row for row in part])
        return own, found

    told = in_several(do, count)
    assert sorted(row for own, _ in told for row in own) == list(range(rows))
    assert max(len(own) for own, _ in told) - min(len(own) for own, _ in told) <= 1
    assert [found for _, found in told] == [[10 * row for row in range(rows)]] * count


@linux
def test_a_process_that_gives_too_few_results_is_found_out():
    def do():
        with pytest.raises(ValueError, match="shorter"):
            share_out(range(6), lambda part: [0 for _ in part[1:]])
        return True

    assert in_several(do) == [True, True]


def test_a_lost_a_doubled_and_a_strange_row_are_named():
    whole = [[(0, "a"), (2, "c")], [(1, "b")]]
    assert merged(3, whole) == ["a", "b", "c"]
    with pytest.raises(RuntimeError, match=r"2 processes: row 1 0 times; expected each of 3 rows once"):
        merged(3, [whole[0], []])
    with pytest.raises(RuntimeError, match="row 1 2 times"):
        merged(3, [[*whole[0], (1, "b")], whole[1]])
    with pytest.raises(RuntimeError, match="row 2 1 times; expected each of 2 rows once"):
        merged(2, whole)


@linux
def test_what_the_first_decides_is_told_and_what_each_has_is_gathered():
    def do():
        return ranks.decided(lambda: ranks.number() + 5), ranks.gathered(ranks.number()), ranks.is_first()

    assert in_several(do, 3) == [(5, [0, 1, 2], True), (5, [0, 1, 2], False), (5, [0, 1, 2], False)]
    assert (ranks.count(), ranks.decided(lambda: 1), ranks.gathered(2)) == (1, 1, [2])
