"""The `rtuning` command."""
