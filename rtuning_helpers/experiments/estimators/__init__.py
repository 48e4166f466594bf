"""Notebook 09: learned uncertainty against what can be tested."""
