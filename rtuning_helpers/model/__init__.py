"""One language model and how it answers."""
