"""Notebook 14: the successors of R-Tuning, side by side."""
