"""One real stack for the whole session, and a corner of it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack.client import Api
from tests.stack.product import Product, wait_gone
from tests.stack.world import World

HERE = Path(__file__).parent
TEST_SECONDS = 120


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder; the start of the stack is no part of the first test's time."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.stack)
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(TEST_SECONDS, func_only=True))


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """Start the product with fresh data; at the end Ctrl-C has to end all of it."""
    running = Product()
    try:
        running.start()
        yield running
        status = running.interrupt()
        left = wait_gone(running)
        assert status in (0, 130), f"manage.py up ended with {status}:\n{running.tail()}"
        assert not left, f"still there after Ctrl-C: {left}"
    finally:
        running.kill_leftovers()
        running.remove()


@pytest.fixture(scope="session")
def admin_key(product: Product) -> str:
    """Make the key that most tests use."""
    return make_key(product, role="admin")


@pytest.fixture(scope="session")
def api(product: Product, admin_key: str) -> Iterator[Api]:
    """Call the API as an administrator."""
    client = Api(product.base_url, key=admin_key)
    yield client
    client.close()


@pytest.fixture
def world(product: Product, api: Api) -> Iterator[World]:
    """Give a test its own corner."""
    corner = World(product, api=api)
    yield corner
    corner.close()


def make_key(product: Product, *, role: str) -> str:
    """Make an API key by the command; it is the last line that the command prints."""
    made = product.manage("create_api_key", "--role", role, "--name", "tests")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip().splitlines()[-1].strip()
