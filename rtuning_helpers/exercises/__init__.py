"""What the notebooks' exercises ask for, checked against the run at hand."""
