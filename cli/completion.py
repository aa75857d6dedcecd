"""Completion of commands and options in the shell."""

import click
from click.shell_completion import get_completion_class

WHERE = {
    "bash": "netflix-admin completion bash > ~/.local/share/bash-completion/completions/netflix-admin",
    "zsh": 'netflix-admin completion zsh > "${fpath[1]}/_netflix-admin"',
    "fish": "netflix-admin completion fish > ~/.config/fish/completions/netflix-admin.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(WHERE)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a script that completes commands in bash, zsh or fish.

    \b
    Example:
      netflix-admin completion bash > ~/.local/share/bash-completion/completions/netflix-admin
    """
    made = get_completion_class(shell)
    assert made  # noqa: S101  (for mypy: the choice is of those that click has)
    # Click's own way would run bash here to ask for its version.
    complete = made(ctx.find_root().command, {}, "netflix-admin", "_NETFLIX_ADMIN_COMPLETE")
    # Click's own for fish cuts off what follows a comma: the second of some fields, and the rest of a sentence.
    template = complete.source_template.replace('string split ","', 'string split --max 1 ","')
    click.echo(template % complete.source_vars())
