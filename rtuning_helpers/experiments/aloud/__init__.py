"""Notebook 15: two-hop questions, answered at once, in steps, or hop by hop."""
