"""Looking after the site's data: what goes with time, and what is kept in case of loss."""
