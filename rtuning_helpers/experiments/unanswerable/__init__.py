"""Notebook 07: questions that have no answer."""
