"""Proving who one is, and staying in."""
