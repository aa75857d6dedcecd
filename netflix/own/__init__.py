"""One's own account: its browsers, a copy of its data, leaving."""
