"""Notebook 13: confidence in percent, beside sure and unsure."""
