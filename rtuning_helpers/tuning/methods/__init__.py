"""The ways to tune a model, a module each: it builds the training records and says the rest in its ``METHOD``."""
