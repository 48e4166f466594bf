"""Notebook 10: other rules for D1, and luck."""
