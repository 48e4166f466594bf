"""Notebook 11: questions watched while the model is tuned."""
