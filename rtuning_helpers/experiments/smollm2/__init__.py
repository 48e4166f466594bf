"""Notebook 12: SmolLM2-135M-Instruct on ParaRel."""
