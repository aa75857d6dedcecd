"""The site: `python app.py` serves it (`--migrate`: brings the database up first), `gunicorn app:app` does too."""

import sys

from netflix import create_app
from netflix.serve import serve

if __name__ == "__main__":
    serve(migrate="--migrate" in sys.argv)
else:
    app = create_app()
