"""Notebook 12: Gemma-3-270M on ParaRel."""
