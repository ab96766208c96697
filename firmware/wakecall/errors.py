"""The exceptions of the agent: one root, told apart by what the catcher can do about them."""


class WakecallError(Exception):
    """Root of everything that the agent raises on purpose."""


class CommandError(WakecallError):
    """A command failed, and its sender is told so (delivery.md 3).

    Args:
        code: A gRPC status name, such as ``INVALID_ARGUMENT``.
        message: What was wrong, for a person to act on.
        effect: ``none`` (not run), ``unknown`` (may have run) or ``done`` (ran).
    """

    def __init__(self, code, message, effect="none"):
        super().__init__(message)
        self.code = code
        self.message = message
        self.effect = effect

    def answer(self):
        """Return the error as the object that is sent."""
        return {"error": {"code": self.code, "message": self.message, "effect": self.effect}}


class SchemaError(WakecallError):
    """A value does not fit its declaration: ``code`` is the gRPC status that says how."""

    def __init__(self, message, code="INVALID_ARGUMENT"):
        super().__init__(message)
        self.message = message
        self.code = code


class ConfigurationError(WakecallError):
    """A file on the board is missing or wrong; the text names the file and the key."""


class LinkError(WakecallError):
    """A link broke or could not be opened; it is tried again after a while."""


class RefusedError(LinkError):
    """The server refused the credentials: trying again soon cannot help."""


class CallError(WakecallError):
    """A call to the server failed.

    Args:
        code: ``DEADLINE_EXCEEDED``, ``UNAVAILABLE`` or ``ABORTED``; for what cannot be sent
            ``INVALID_ARGUMENT`` or ``RESOURCE_EXHAUSTED``.
        message: What happened, for a person.
    """

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code
