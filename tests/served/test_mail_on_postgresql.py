"""Several processes that send, on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from redis import Redis
from sqlalchemy import delete

from netflix.accounts.asked import Asked
from netflix.accounts.one_time_link import Purpose
from netflix.accounts.registration import create
from netflix.extensions import db
from netflix.mail import courier, outbox
from netflix.mail.outbox import Mail
from netflix.mailed import asking
from tests.people import PASSWORD
from tests.served import postgresql
from tests.served.test_postgresql import migrated


def test_several_who_send_share_the_outbox_and_what_was_asked(tmp_path: Path, redis: Redis, redis_url: str) -> None:
    with postgresql.running() as server:
        app = migrated(server.fresh("sending"), tmp_path, redis_url=redis_url, bcrypt_rounds=4)
        with app.app_context():
            create("ada@example.org", PASSWORD)
            for number in range(20):
                Asked.add(Purpose.RECOVER, "ada@example.org" if number == 7 else f"{number}@example.org", "192.0.2.1")
                outbox.post(f"{number}@example.org", "test")
            db.session.commit()

        def work(_: int) -> int:
            with app.app_context():
                return courier.current().work().sent

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(work, range(4))) == 21
        assert len(list((tmp_path / "mail").glob("*.eml"))) == 21
        with app.app_context():
            assert not Asked.any()
            assert Mail.all() == []
            # What another is at is left to it, and not waited for.
            Asked.add(Purpose.RECOVER, "ada@example.org", "192.0.2.1")
            db.session.commit()
            with db.engine.connect() as another:
                another.execute(delete(Asked))
                asking.answer_all()
            asking.answer_all()
            assert not Asked.any()
            assert [mail.recipient for mail in Mail.all()] == ["ada@example.org"]
            db.session.remove()
            db.engine.dispose()
        app.extensions["netflix-counters"].redis.close()
