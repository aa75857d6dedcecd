"""Networks that the operator has shut out."""
