"""One module a data set, found by being here; importing it registers the declaration."""
