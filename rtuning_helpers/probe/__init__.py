"""The untuned model's exam: D1 and D0."""
