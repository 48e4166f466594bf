"""README: a mini model of real questions."""
