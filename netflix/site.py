"""The site, put together: the one place that knows every feature."""

import os
from collections.abc import Callable
from typing import Any

from flask import Flask, request
from sqlalchemy import event

from netflix import database, log, web
from netflix.accounts import views as accounts_views
from netflix.administration import views as administration_views
from netflix.bans.guard import Guard
from netflix.bans.table import Table
from netflix.bodies import LONGEST, Bodies
from netflix.config import Config
from netflix.dashboard import views as dashboard_views
from netflix.extensions import bcrypt, csrf, db, login_manager
from netflix.factors import views as factors_views
from netflix.headers import SecureHeaders
from netflix.health import views as health_views
from netflix.limits.address import TrustedProxies
from netflix.limits.counter import Counters
from netflix.lockdown.lockdown import Watch
from netflix.lockdown.notice import Notice
from netflix.mail.courier import Courier
from netflix.mailed import views as mailed_views
from netflix.mailed.asking import answer_all
from netflix.orders import Orders
from netflix.own import views as own_views
from netflix.paths import where
from netflix.schema import Migrations
from netflix.signin import excess
from netflix.signin import views as signin_views
from netflix.signin.cookie import CookieInterface
from netflix.signin.gate import Gate
from netflix.signin.session import Session

YEAR = 365 * 24 * 3600


class Site(Flask):
    """Flask, less what this site never uses."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is a coroutine; asking at every step of every request costs as much as a template."""
        return func

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """A file asked for by its content's digest never changes; any other is asked for again."""
        digest = web.digests(self.static_folder or "").get(filename or "")
        return YEAR if digest and request.args.get("v") == digest else None

    def log_exception(self, exc_info: Any) -> None:
        """By the address's pattern: the address itself may carry a one-time link's token."""
        self.logger.error("unexpected: %s %s", request.method, request.url_rule, exc_info=exc_info)


def create_app(config: Config | None = None) -> Flask:
    """The site. Reads the environment when no config is given; raises ConfigError."""
    config = config or Config.from_env(os.environ)
    app = Site("netflix", template_folder=str(where("templates")), static_folder=str(where("static")))
    app.config.from_mapping(flask_settings(config))
    app.extensions["netflix-config"] = config
    # Werkzeug would send on to the tidy address with whatever Host the visitor claimed.
    app.url_map.merge_slashes = app.url_map.strict_slashes = False
    app.session_interface = CookieInterface()
    log.to_stderr()
    db.init_app(app)
    Migrations(app)
    bcrypt.init_app(app)
    csrf.init_app(app)
    login_manager.init_app(app, add_context_processor=False)
    login_manager.session_protection = None
    counters = app.extensions["netflix-counters"] = Counters(app, config)
    app.extensions["netflix-courier"] = Courier(app, [answer_all])
    bans, lockdown = Table(), Watch()
    orders = app.extensions["netflix-orders"] = Orders(app, [bans.read, lockdown.read])
    app.extensions["netflix-lockdown"] = lockdown
    web.init_app(app)
    excess.init_app(app)
    app.extensions["netflix-lockdown-notice"] = Notice(app, lockdown)
    app.jinja_env.globals["lockdown_notice"] = app.extensions["netflix-lockdown-notice"]
    app.jinja_env.globals["lockdown"] = lockdown.in_force
    for views in (
        accounts_views,
        signin_views,
        factors_views,
        mailed_views,
        own_views,
        dashboard_views,
        administration_views,
        health_views,
    ):
        app.register_blueprint(views.bp)
    inside = Bodies(Gate(app, counters), app)
    guarded = SecureHeaders(Guard(inside, app, orders, bans))
    app.wsgi_app = TrustedProxies(guarded, config.trusted_proxies)  # type: ignore[method-assign]
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            database.listen(db.engine)
            event.listen(db.engine, "connect", database.prepare_sqlite)
    return app


def flask_settings(config: Config) -> dict[str, Any]:
    """What Flask and its extensions are told of ours."""
    return {
        # Whatever FLASK_DEBUG says: a fault of ours is never shown (ASVS 5.0 13.4.2).
        "DEBUG": False,
        "SECRET_KEY": config.secret_key[0],
        "SECRET_KEY_FALLBACKS": list(config.secret_key[1:]),
        "TRUSTED_HOSTS": config.hosts,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,
        "PERMANENT_SESSION_LIFETIME": Session.REMEMBERED_ABSOLUTE,
        "MAX_CONTENT_LENGTH": LONGEST,
        "MAX_FORM_MEMORY_SIZE": LONGEST,
        "MAX_FORM_PARTS": 50,
        # The token lives as long as the cookie: a page left open over night still signs in.
        "WTF_CSRF_TIME_LIMIT": None,
        # The last of a list signs, all verify.
        "WTF_CSRF_SECRET_KEY": list(reversed(config.secret_key)),
        # A browser that sends no Referer is not an attack; the token decides.
        "WTF_CSRF_SSL_STRICT": False,
        "SQLALCHEMY_DATABASE_URI": config.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": database.engine_options(config.database_url),
    }
