"""What the released code of the paper (shizhediao/R-Tuning, commit 27e0384) does differently, one switch for each."""

from rtuning_helpers.paper.released_code.quirks import ReleasedCodeQuirks as ReleasedCodeQuirks
