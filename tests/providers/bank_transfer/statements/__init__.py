"""Statements of banks: what each format's lines mean, and what is refused."""
