"""What is made of one run while the next one runs: in a thread beside it, one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from .._machine.workers import Workers

#: How often it is seen whether somebody wants to leave.
_PATIENCE_SECONDS = 0.2


class Behind:
    """Does what it is given in a thread beside the caller's, and says of it in the caller's.

    Leaving it waits for what it is at; whoever presses Ctrl-C twice does not.

    Example:
        >>> with Behind() as behind:
        ...     behind.start(lambda: behind.say(lambda: print("drawn")))
        ...     print("the next one runs")
        the next one runs
        drawn
    """

    def __init__(self) -> None:
        self._workers: Workers[Callable[[], object]] = Workers()
        self._busy = False

    def start(self, work: Callable[[], object]) -> None:
        """Have something done; what was begun before is waited for, so that no two wait."""
        self.wait()
        self._busy = True

        def done() -> Callable[[], object]:
            try:
                work()
            except BaseException as error:
                return _raising(error, self._end)
            return self._end

        self._workers.start(done, busy=0)

    def say(self, message: Callable[[], object]) -> None:
        """From within work: have something called in the caller's thread, when it waits."""
        self._workers.report(message)

    def wait(self) -> None:
        """Wait until nothing is done any more; what the work raised is raised."""
        while self._busy:
            message = self._workers.hear(_PATIENCE_SECONDS)
            if message is not None:
                message()

    def _end(self) -> None:
        self._busy = False

    def __enter__(self) -> Behind:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.wait()
        except KeyboardInterrupt:
            if isinstance(error, KeyboardInterrupt):
                self._workers.let_go()
            else:
                self._workers.close()
            raise
        except BaseException:
            self._workers.close()
            raise
        self._workers.close()


def _raising(error: BaseException, end: Callable[[], object]) -> Callable[[], object]:
    def ended() -> None:
        end()
        raise error

    return ended
