"""A time in which only known browsers and second factors sign in."""
