"""What the command line tells the person in one message, without a traceback."""


class EarshotError(Exception):
    """The command cannot do its work; the message says why and what to do. Ends with status 1."""


class Stopped(Exception):
    """Somebody asked the command to end, by the signal in `signal_number`."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"signal {signal_number}")
        self.signal_number = signal_number
