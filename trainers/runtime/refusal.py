class Refused(Exception):
    """An error that the user can correct: parameters, data or a trainer's result.

    The failure of the run shows its message without a traceback, so it must not quote a row.
    """


class Stopped(BaseException):
    """The job was stopped by SIGTERM.

    Not an Exception, so that a trainer's `except Exception` does not catch it.
    """
