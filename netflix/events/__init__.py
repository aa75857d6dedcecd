"""What happened: the append-only record."""
