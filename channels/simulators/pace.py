"""How fast somebody calls: the largest number of calls in any window of one second, however it lies."""

from __future__ import annotations

from collections import deque


class Pace:
    """Notes instants in their order; ``busiest`` is the most of them that fell into one window so far."""

    def __init__(self, *, window_seconds: float = 1.0) -> None:
        self.busiest = 0
        self._window_seconds = window_seconds
        self._recent: deque[float] = deque()

    def note(self, at: float) -> None:
        """A call came. Two that are a whole window apart are not in the same one."""
        self._recent.append(at)
        while self._recent[0] <= at - self._window_seconds:
            self._recent.popleft()
        self.busiest = max(self.busiest, len(self._recent))
