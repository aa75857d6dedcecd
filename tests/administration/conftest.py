"""An administrator at the pages."""

import pytest

from tests.people import Browser


@pytest.fixture
def office(browser: Browser, grace: str) -> Browser:
    """Grace's browser; she is user 1."""
    browser.sign_in(grace)
    return browser
