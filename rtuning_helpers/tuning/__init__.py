"""Records that say "unsure", and training on them."""
