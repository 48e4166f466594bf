"""Other ways to know how sure a model is."""
