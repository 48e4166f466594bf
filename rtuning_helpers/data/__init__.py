"""What is asked, in which words, and when an answer is right."""
