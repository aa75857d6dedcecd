"""What stands above the sign-in form meanwhile, rendered once for each lockdown."""

from flask import Flask
from markupsafe import Markup

from netflix.lockdown.lockdown import Known, Watch


class Notice:
    """Nothing while there is no lockdown."""

    def __init__(self, app: Flask, watch: Watch) -> None:
        self.watch = watch
        self.template = app.jinja_env.get_template("lockdown/_notice.html")
        self._made: tuple[Known | None, Markup] = (None, Markup())

    def __call__(self) -> Markup:
        known, made = self.watch.in_force(), self._made
        if known != made[0]:
            text = self.template.render(known=known) if known else ""
            made = self._made = (known, Markup(text))  # noqa: S704  (a template's)
        return made[1]
