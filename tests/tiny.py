"""The size of the tiny model's data, for the fixture that trains it and the tests that use it."""

TINY_LIMIT = 24  # questions of each mini split that the tiny model has heard of, every second one at least
