"""The look of the figures, and pictures of arrays and tables."""
