"""The terminal of a site of a million: each module here measures one of its nouns."""
