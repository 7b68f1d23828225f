"""The balance, kept up to date: health checks ask for it often, and there may be tens of thousands of movements."""

from sandbox.stripe.books import Books


class Tally:
    """What the balance transactions come to, by the second from which on it is available. They never change."""

    def __init__(self) -> None:
        self.nets: dict[int, int] = {}
        self._seen = 0

    def catch_up(self, books: Books) -> None:
        new = books.catalogue("balance_transaction").since(self._seen)
        self._seen += len(new)
        for key in new:
            moved = books.all("balance_transaction").peek(key)
            at = 0 if moved["status"] == "available" else moved["available_on"]
            self.nets[at] = self.nets.get(at, 0) + moved["net"]
