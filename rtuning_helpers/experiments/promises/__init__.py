"""Notebook 18: thresholds with a promise, and how often it is kept."""
