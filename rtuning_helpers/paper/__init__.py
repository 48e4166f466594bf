"""What others printed and released, and how ours compares."""
