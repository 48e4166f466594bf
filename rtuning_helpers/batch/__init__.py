"""Many runs: a grid of settings, done by several processes, told while it runs, and shown on one page."""
