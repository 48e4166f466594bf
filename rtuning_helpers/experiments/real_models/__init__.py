"""Notebook 12: every method on real models, question by question."""
