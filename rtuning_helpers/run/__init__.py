"""One run's settings, questions and result folders."""
