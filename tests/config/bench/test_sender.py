"""The sender, against a server that answers as it is told."""

import socket
import threading
from collections.abc import Iterator

import pytest

from config.bench.sender import Sender, SendError, answer_length

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("data", "length"),
    [(OK, len(OK)), (OK[:-1], None), (OK + b"HTTP", len(OK)), (OK[:20], None), (b"", None)],
)
def test_an_answer_ends_where_its_length_says(data: bytes, length: int | None) -> None:
    assert answer_length(data) == length


def test_an_answer_without_a_length_is_refused() -> None:
    with pytest.raises(SendError, match="without a length"):
        answer_length(b"HTTP/1.1 200 OK\r\n\r\n")


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def serve(listener: socket.socket, answers: list[bytes]) -> list[bytes]:
    """One connection: every request gets the next answer, in two pieces."""
    taken: list[bytes] = []

    def run() -> None:
        connection, _ = listener.accept()
        with connection:
            for answer in answers:
                taken.append(connection.recv(100))
                connection.sendall(answer[:10])
                connection.sendall(answer[10:])

    threading.Thread(target=run, daemon=True).start()
    return taken


def test_requests_follow_each_other_and_answers_are_counted(server: socket.socket) -> None:
    taken = serve(server, [OK, b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n", OK])
    port = server.getsockname()[1]
    said = Sender([b"a", b"b", b"c"], host="127.0.0.1", port=port, connections=1).run()
    assert said["statuses"] == {"200": 2, "401": 1}
    assert taken == [b"a", b"b", b"c"]
    assert said["begun"] < said["ended"]


def test_a_closed_connection_is_an_error(server: socket.socket) -> None:
    serve(server, [OK])
    sender = Sender([b"a", b"b"], host="127.0.0.1", port=server.getsockname()[1], connections=1)
    with pytest.raises((SendError, ConnectionError)):
        sender.run()
