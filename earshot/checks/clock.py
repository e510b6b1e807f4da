"""How far a server's clock is from this machine's."""

from collections.abc import Iterator

from earshot.checks.findings import Finding, duration, ok, problem, warning

WARN_SECONDS = 2.0
# Leases and pauses are counted by the clock of whoever looks: with more, jobs at work count as abandoned.
PROBLEM_SECONDS = 10.0


def clock_findings(check: str, server: str, difference_seconds: float) -> Iterator[Finding]:
    """Judge the difference between a server's clock and ours, which is positive when the server's is ahead."""
    away = abs(difference_seconds)
    if away < WARN_SECONDS:
        yield ok(check, f"{server}'s clock and this machine's agree")
        return
    side = "ahead of" if difference_seconds > 0 else "behind"
    found = problem if away >= PROBLEM_SECONDS else warning
    text = f"{server}'s clock is {duration(away)} {side} this machine's"
    yield found(check, text, "Keep the clocks of all machines in step: timedatectl set-ntp true")
