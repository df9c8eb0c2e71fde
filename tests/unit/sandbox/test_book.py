from datetime import timedelta
from hashlib import sha256
from pathlib import Path

from outreach.clock import Clock
from outreach.sandbox.book import Book, read_book


def _write(book: Book, token: str) -> None:
    book.write(
        token=token,
        message_id="SM1",
        to="+8617000000001",
        body="您好".encode(),
        outcome="delivered",
        accepted=True,
    )


def test_a_line_is_there_before_the_book_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "twilio.jsonl"
    clock = Clock(timedelta(days=3))
    book = Book(path, clock)
    _write(book, "a")
    (entry,) = read_book(path)
    assert (entry.token, entry.message_id, entry.accepted) == ("a", "SM1", True)
    assert entry.to_sha256 == sha256(b"+8617000000001").hexdigest()
    assert abs(clock.now() - entry.at) < timedelta(minutes=1)
    book.close()


def test_a_book_goes_on_after_a_restart_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "smtp.jsonl"
    for token in ("a", "b"):
        book = Book(path, Clock())
        _write(book, token)
        book.close()
    with path.open("a") as file:
        file.write('{"at":"2026-')
    assert [entry.token for entry in read_book(path)] == ["a", "b"]


def test_a_book_holds_nothing_private(tmp_path: Path) -> None:
    path = tmp_path / "twilio.jsonl"
    book = Book(path, Clock())
    _write(book, "a")
    book.close()
    assert "17000000001" not in path.read_text()
    assert "您好" not in path.read_text()


def test_a_carrier_that_received_nothing_has_an_empty_book(tmp_path: Path) -> None:
    assert read_book(tmp_path / "none.jsonl") == []
