"""Notebook 06: one task or many, and what carries over."""
