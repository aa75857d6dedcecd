"""The reference: a bare Flask page on gunicorn, as tutorials serve it."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    return "hello"
