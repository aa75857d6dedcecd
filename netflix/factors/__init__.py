"""What one proves it with beside the password, and proving it again."""
