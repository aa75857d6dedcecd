"""What the source never does, whoever writes it."""

import ast
from collections.abc import Iterator

from tests.test_layers import TERMINAL, TREES, imports

ALL = TREES | TERMINAL
# Guessable, whatever is made of them; a UUID has 122 bits at most (ASVS 5.0 11.5.1).
GUESSABLE = {"random", "uuid", "numpy"}
# Which know how to compare, hash and sign (11.2.1).
CRYPTOGRAPHY = {"flask_bcrypt", "hashlib", "hmac", "itsdangerous", "secrets"}
OTHERS = {"Crypto", "Cryptodome", "nacl", "crypt", "passlib", "jwt", "jose", "rsa", "ecdsa"}
RUNNING = {"execute", "exec_driver_sql", "executescript", "scalar", "scalars", "text"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the last part of the name of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], node


def test_nothing_is_drawn_by_a_generator_that_can_be_guessed() -> None:
    assert not {name for name, tree in ALL.items() if GUESSABLE & {one.partition(".")[0] for one in imports(tree)}}


def test_digests_and_signatures_are_of_known_libraries() -> None:
    found = {one.partition(".")[0] for tree in ALL.values() for one in imports(tree)}
    assert found >= CRYPTOGRAPHY
    assert not found & OTHERS


def test_a_weak_digest_keeps_no_secret() -> None:
    """SHA-1 is what lists of breached passwords are made with."""
    for name, tree in ALL.items():
        for called, node in calls(tree):
            if called in ("md5", "sha1") or (called == "new" and "hashlib" in ast.unparse(node.func)):
                assert "usedforsecurity=False" in ast.unparse(node), name


def test_no_statement_is_put_together_from_text() -> None:
    """A value is always a parameter (ASVS 5.0 1.2.4)."""
    built = {
        (name, ast.unparse(node.args[0]))
        for name, tree in ALL.items()
        for called, node in calls(tree)
        if called in RUNNING and node.args and isinstance(node.args[0], ast.JoinedStr | ast.BinOp)
    }
    # The words of a list that stands there.
    assert built <= {("netflix.database", "f'PRAGMA {pragma}'")}
    texts = [node.args[0] for tree in ALL.values() for called, node in calls(tree) if called == "text"]
    assert texts
    assert all(isinstance(one, ast.Constant) for one in texts)
