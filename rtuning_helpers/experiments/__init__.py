"""What one notebook measures, a folder a notebook."""
