"""Notebook 05: every method over several seeds."""
