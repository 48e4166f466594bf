"""Makes the kit's own models."""
