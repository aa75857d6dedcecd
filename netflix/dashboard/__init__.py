"""The home that a signed-in person sees."""
