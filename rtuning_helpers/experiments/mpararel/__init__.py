"""Notebook 17, real languages: the same facts in English, German and Korean."""
