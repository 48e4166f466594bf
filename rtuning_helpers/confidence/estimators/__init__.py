"""One file for each estimator; `confidence.columns` finds them. CONTRIBUTING.md says how to add one."""
