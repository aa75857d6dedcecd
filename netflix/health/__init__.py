"""Whether all is well: what a doctor looks at, inside the site and from outside."""
