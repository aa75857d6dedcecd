"""`python -m netflix`: serves the site where there is no checkout; `--migrate` brings the database up first."""

import sys

from netflix.serve import serve

serve(migrate="--migrate" in sys.argv)
