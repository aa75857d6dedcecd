"""The picture of the house, as a test: every arrow points down."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter

import pytest

from tests.watching import ROOT

# What is above the ground, from below; all the rest of `netflix` is the ground.
FLOORS = (
    "limits",
    "events",
    "mail",
    "web",
    "door",
    "bans",
    "lockdown",
    "bodies",
    "accounts",
    "signin",
    "factors",
    "mailed",
    "profiles",
    "library",
    "playback",
    "own",
    "dashboard",
    "administration",
    "upkeep",
    "health",
    "site",
    "serve",
    "__main__",
)
# Who may know every feature: the app's factory.
FACTORY = "netflix.site"


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[: -1 if parts[-1] == "__init__" else None]), ast.parse(path.read_text())


def imports(tree: ast.AST) -> Iterator[str]:
    """Full names of what is imported; for `from a import b` both `a` and `a.b`.

    Only the terminal, which is `cli` here and `netflix.cli` in the wheel, imports from beside itself.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(filter(None, ["cli" * node.level, node.module]))
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def ours(tree: ast.AST) -> set[str]:
    """The modules of `netflix` that a module imports."""
    return {name for name in imports(tree) if name in NAMES}


def floor(name: str) -> int:
    """0 for the ground."""
    part = name.split(".")[1] if "." in name else ""
    return FLOORS.index(part) + 1 if part in FLOORS else 0


TREES = dict(modules("netflix"))
TERMINAL = dict(modules("cli"))
NAMES = set(TREES) - {"netflix"}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_module_imports_only_what_lies_below_it_or_beside_it(name: str) -> None:
    assert not {other for other in ours(TREES[name]) if floor(other) > floor(name)}


# What is imported when it is first asked for, and by whom; "" is worked out there, from a table of our own.
LATE = {
    "netflix": {"netflix.site"},
    # Two megabytes, and no page needs it.
    "netflix.mail.delivery": {"netflix.mail.transport"},
    # Its lists are a fifth of a worker's weight, and only a new password needs them.
    "netflix.accounts.screening": {"zxcvbn"},
    # Two megabytes each, and most requests need none of them.
    "netflix.sealed": {"cryptography.fernet"},
    "netflix.factors.totp": {"pyotp", "segno"},
    "netflix.factors.ceremony": {"webauthn"},
    "netflix.schema": {"flask_migrate", "flask_migrate.cli"},
    "cli": {""},
    "cli.site": {"", "flask", "logging", "netflix.config", "netflix.extensions", "netflix.schema"},
}


def test_an_import_waits_in_the_known_places_only() -> None:
    late: dict[str, set[str]] = {}
    for name, tree in (TREES | TERMINAL).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
                module = node.args[0]
                literal = module.value if isinstance(module, ast.Constant) else ""
                late.setdefault(name, set()).add(str(literal))
    assert late == LATE


def test_the_site_imports_in_full() -> None:
    relative = [n for tree in TREES.values() for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level]
    assert not relative


def test_the_imports_have_no_cycle() -> None:
    TopologicalSorter({name: ours(tree) for name, tree in TREES.items()}).prepare()


def test_the_site_never_imports_the_terminal() -> None:
    assert not {name for name, tree in TREES.items() if {"cli", "netflix.cli"} & set(imports(tree))}


def test_only_the_factory_imports_views() -> None:
    everything = TREES | TERMINAL
    importers = {name for name, tree in everything.items() if any(n.endswith(".views") for n in imports(tree))}
    assert importers == {FACTORY}


def test_no_import_hides_in_a_function() -> None:
    hidden = {
        f"{name}.{node.name}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }
    assert not hidden


WAYS = {"login_user", "logout_user", "current_user"}


def test_only_one_module_knows_who_is_signed_in() -> None:
    """Flask's cookie, and Flask-Login's way in and out."""
    knowing = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and ast.unparse(node) == "flask.session")
        or (isinstance(node, ast.ImportFrom) and node.module == "flask_login" and WAYS & {a.name for a in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module == "flask" and "session" in {a.name for a in node.names})
    }
    # A visitor who is not signed in has a secret of the forms in the same cookie, the link that they opened, and what
    # they are told next.
    assert knowing - {"netflix.csrf", "netflix.links", "netflix.flashes"} == {"netflix.signin.current"}


def committing(tree: ast.AST) -> set[str]:
    """The functions of a module that commit; of a class, as `Class.method`."""
    return {
        outer.name if outer is inner else f"{outer.name}.{getattr(inner, 'name', '')}"
        for outer in ast.iter_child_nodes(tree)
        if isinstance(outer, ast.FunctionDef | ast.ClassDef)
        for inner in ([outer] if isinstance(outer, ast.FunctionDef) else outer.body)
        if any(
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Load)
            and ast.unparse(node).endswith("session.commit")
            for node in ast.walk(inner)
        )
    }


# The modules of acts; of those where a noun and its acts are one page, the functions that are acts.
ACTS = {
    "netflix.mail.delivery": None,
    "netflix.bans.ban": {"add_all", "revoke_all"},
    "netflix.lockdown.lockdown": {"turn_on", "turn_off"},
    "netflix.accounts.registration": None,
    "netflix.accounts.wordlist": {"replace", "forget"},
    "netflix.accounts.invitation": {"invite", "revoke"},
    "netflix.signin.attempt": {"failed", "proved"},
    "netflix.signin.signin": None,
    "netflix.signin.signout": None,
    "netflix.signin.change": None,
    "netflix.signin.excess": {"write_down"},
    "netflix.signin.access": None,
    "netflix.signin.device": {"end_device", "end_devices"},
    "netflix.signin.freeing": None,
    "netflix.signin.leaving": {"leave"},
    "netflix.own.alarm": None,
    "netflix.own.export": {"exported"},
    "netflix.signin.recovery": {"invite", "redeem"},
    "netflix.mailed.asking": None,
    "netflix.mailed.email_change": None,
    "netflix.mailed.holder": None,
    "netflix.mailed.unlocking": {"unlock"},
    "netflix.mailed.verification": {"send_again", "confirm", "take_over"},
    "netflix.factors.passkey": {"add", "rename", "remove", "refused"},
    "netflix.factors.proof": None,
    "netflix.factors.removal": {"reset_second_factor"},
    "netflix.factors.second_step": None,
    "netflix.factors.two_step": {"turn_on", "turn_off", "renew_codes"},
    "netflix.administration.rights": None,
    "netflix.upkeep.backup": {"back_up"},
    "netflix.administration.importing": {"added", "invited_again"},
    "netflix.administration.exporting": {"exported"},
    "netflix.upkeep.expiry": None,
    "netflix.upkeep.migration": {"downgrade", "recorded"},
    "netflix.upkeep.restore": {"restore"},
}


def test_only_acts_commit() -> None:
    """Views, nouns (what has a table, and its parts) and commands never do."""
    found = {name: acts for name, tree in (TREES | TERMINAL).items() if (acts := committing(tree))}
    assert set(found) <= set(ACTS)
    assert not {name for name, acts in found.items() if any("." in act for act in acts)}
    for name, wanted in ACTS.items():
        assert wanted is None or found[name] == wanted


def test_only_one_module_of_the_terminal_knows_rich() -> None:
    importers = {
        name for name, tree in (TREES | TERMINAL).items() if any(n.partition(".")[0] == "rich" for n in imports(tree))
    }
    assert importers <= {"cli.tables", "netflix.cli.tables"}


def test_every_module_says_what_it_is() -> None:
    assert not {name for name, tree in (TREES | TERMINAL).items() if not ast.get_docstring(tree)}
