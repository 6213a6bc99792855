"""The application's database role may do its work and nothing else."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.utils import ProgrammingError

from config.layout import APPLICATION_ROLE, OWNER_ROLE

pytestmark = pytest.mark.django_db


def ask(question: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchall()


def test_the_application_is_no_superuser_and_owns_no_table() -> None:
    assert ask("SELECT current_user, usesuper, usecreatedb FROM pg_user WHERE usename = current_user") == [
        (APPLICATION_ROLE, False, False)
    ]
    assert ask("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == [(OWNER_ROLE,)]


def test_the_application_can_write_rows() -> None:
    get_user_model().objects.create_user("someone")
    assert get_user_model().objects.filter(username="someone").delete()[0] == 1


@pytest.mark.parametrize("statement", ["TRUNCATE auth_user", "DROP TABLE auth_user", "CREATE TABLE mine (id int)"])
def test_the_application_cannot_change_the_schema(statement: str) -> None:
    with pytest.raises(ProgrammingError), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_transactional_tests_start_empty(turn: int) -> None:
    assert not get_user_model().objects.exists()
    get_user_model().objects.create_user("left behind")
