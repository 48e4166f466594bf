"""The fictional encyclopedia: its words, facts and tasks."""
