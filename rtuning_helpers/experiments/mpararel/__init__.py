"""The same facts in English, German and Korean, asked of a real model."""
