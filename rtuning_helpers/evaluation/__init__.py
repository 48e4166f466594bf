"""The tuned model's exam, scored."""
