"""Pages by which an administrator looks after users, invitations and the record; nothing that the terminal cannot."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from netflix import forms, web
from netflix.accounts import invitation
from netflix.accounts.invitation import Invitation
from netflix.accounts.user import User
from netflix.administration import listing, rights
from netflix.errors import NotAccepted, Refusal
from netflix.events.actor import Actor
from netflix.events.event import Kind, Wanted
from netflix.signin import access, current
from netflix.signin.session import ListedSession
from netflix.web import address, see_other

bp = Blueprint("administration", __name__, url_prefix="/admin")
# Rows of a page, and events on a user's own.
SHOWN = 50
LATEST = 10
ONE = "/users/<int(max=2147483647):number>"
# Each act, and what is told when it changed something and when not.
CHANGES: dict[str, tuple[Callable[[int, Actor], access.Outcome], str, str]] = {
    "disable": (
        access.disable,
        "can no longer sign in, and is signed out everywhere.",
        "is disabled already.",
    ),
    "enable": (access.enable, "may sign in.", "may sign in already."),
    "promote": (access.promote, "is an administrator, and has to sign in anew.", "is an administrator already."),
    "demote": (access.demote, "is a member.", "is a member already."),
}


@bp.before_request
def let_in() -> None:
    """Somebody else finds nothing here, as at an address where nothing is."""
    if not rights.may_enter(current.session(), str(request.url_rule), actor().address):
        abort(404)


@bp.get("/")
def show() -> ResponseReturnValue:
    return see_other("/admin/users")


@bp.get("/users")
def show_users() -> ResponseReturnValue:
    part, after = request.args.get("q", "")[:254], forms.whole(request.args.get("after", ""))
    found = User.page(SHOWN + 1, part, after)
    return web.page("administration/users.html", users=found[:SHOWN], part=part, after=after, more=found[SHOWN:])


@bp.get(ONE)
def show_user(number: int) -> ResponseReturnValue:
    return user_page(number)


@bp.post(f"{ONE}/<any({', '.join(CHANGES)}):change>")
def change_user(number: int, change: str) -> ResponseReturnValue:
    act, told, already = CHANGES[change]
    email, changed = act(number, proved(page_of(number)))
    current.tell(f"{email} {told if changed else already}")
    return see_other(page_of(number))


@bp.get(f"{ONE}/reset")
def show_user_again(number: int) -> ResponseReturnValue:
    """Who opens anew the address of a page that is shown once."""
    return see_other(page_of(number))


@bp.post(f"{ONE}/reset")
def reset_password(number: int) -> ResponseReturnValue:
    """The link stands on this page alone: in no address, no cookie and no log."""
    return user_page(number, link=access.reset_by_link(number, proved(page_of(number))))


@bp.post(f"{ONE}/sessions/end")
def end_sessions(number: int) -> ResponseReturnValue:
    ended = access.end_sessions_of(number, proved(page_of(number)))
    current.tell("They are signed out everywhere." if ended else "They were signed in nowhere.")
    return see_other(page_of(number))


@bp.post(f"{ONE}/sessions/<int(max=2147483647):session>/end")
def end_session(number: int, session: int) -> ResponseReturnValue:
    access.end_session(session, proved(page_of(number)), number)
    current.tell("That browser is signed out.")
    return see_other(page_of(number))


@bp.get(f"{ONE}/delete")
def show_deletion(number: int) -> ResponseReturnValue:
    return deletion_page(number)


@bp.post(f"{ONE}/delete")
def delete_user(number: int) -> ResponseReturnValue:
    gone = access.remove(number, proved(f"{page_of(number)}/delete"), request.form.get("email", ""))
    current.tell(f"{gone.email} is deleted.")
    return see_other("/admin/users")


@bp.get("/invitations")
def show_invitations() -> ResponseReturnValue:
    return invitations_page()


@bp.post("/invitations")
def invite() -> ResponseReturnValue:
    sent = request.form
    uses, days = forms.whole(sent.get("uses", "")), timedelta(days=forms.whole(sent.get("days", "")))
    by = proved("/admin/invitations")
    return invitations_page(link=invitation.invite(uses, days, sent.get("note", "").strip(), by))


@bp.post("/invitations/<int(max=2147483647):number>/revoke")
def revoke(number: int) -> ResponseReturnValue:
    invitation.revoke(number, proved("/admin/invitations"))
    current.tell(f"Nobody comes in by invitation {number} any more.")
    return see_other("/admin/invitations")


@bp.get("/events")
def show_events() -> ResponseReturnValue:
    before = forms.whole(request.args.get("before", ""))
    return events_page(list(listing.latest(listing.chosen(request.args, before), SHOWN + 1)))


@bp.errorhandler(NotAccepted)
def show_again(refusal: Refusal) -> ResponseReturnValue:
    """The same page, with what was typed and what is the matter."""
    pages: dict[str, Callable[[], str]] = {
        "administration.delete_user": lambda: deletion_page(refusal=refusal, **(request.view_args or {})),
        "administration.invite": lambda: invitations_page(refusal=refusal),
        "administration.show_events": lambda: events_page([], refusal),
    }
    return web.refused(refusal, pages[request.endpoint or ""])


def user_page(number: int, link: str = "") -> str:
    user = User.meant(number)
    return web.page(
        "administration/user.html",
        user=user,
        is_self=user.id == actor().user_id,
        sessions=ListedSession.of(user.id),
        happened=list(listing.latest(Wanted(user_ids=(user.id,)), LATEST)),
        link=link,
    )


def deletion_page(number: int, refusal: Refusal | None = None) -> str:
    form = forms.form(request.form, "email", refusal=refusal)
    return web.page("administration/delete.html", user=User.meant(number), form=form)


def invitations_page(link: str = "", refusal: Refusal | None = None) -> str:
    typed = request.form if refusal else {"uses": "1", "days": str(Invitation.LASTS.days)}
    form = forms.form(typed, "uses", "days", "note", refusal=refusal)
    found = Invitation.latest(SHOWN + 1, forms.whole(request.args.get("before", "")))
    return web.page(
        "administration/invitations.html",
        invitations=found[:SHOWN],
        more=found[SHOWN:],
        form=form,
        link=link,
        most=Invitation,
    )


def events_page(found: list[listing.ListedEvent], refusal: Refusal | None = None) -> str:
    form = forms.form(request.args, "user", "address", "kind", "since", refusal=refusal)
    chosen: dict[str, Any] = {name: field.data for name, field in vars(form).items() if field.data}
    return web.page(
        "administration/events.html",
        happened=found[:SHOWN],
        more=found[SHOWN:],
        form=form,
        chosen=chosen,
        kinds=sorted(Kind),
        times=listing.SINCE,
        refused=refusal is not None,
    )


def page_of(number: int) -> str:
    return f"/admin/users/{number}"


def actor() -> Actor:
    return Actor(current.session().user_id, address())


def proved(back: str) -> Actor:
    """Who acts: an administrator who proved lately that it is them (ASVS 5.0 7.5.1). Raises ProofRequired."""
    current.proved(back)
    return actor()
