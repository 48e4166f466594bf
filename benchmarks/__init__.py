"""Speed as ratios measured in one run, and the results over seeds that the kit ships."""
