class Refused(Exception):
    """Something a person can put right:

    parameters, data or a trainer's result. Shown as its message alone, without a traceback, in the
    run's failure: quote no row.
    """


class Stopped(BaseException):
    """The job was asked to stop (SIGTERM).

    Not an Exception, so that a trainer's `except Exception` cannot swallow it.
    """
