"""The one base class of exceptions that a user can act on."""


class Problem(Exception):  # noqa: N818 - the word a user reads
    """A failure that is explained in one line, with the next command to try.

    Anything else that is raised is a bug and keeps its traceback.

    Attributes:
        message: One line that names the parameter, file or object.
        hint: The next command to try, or an empty string.
        details: Evidence of several lines (log tail, events), or an empty string.
    """

    def __init__(self, message: str, *, hint: str = "", details: str = "") -> None:
        """Keep the three parts apart, so that the reporter can lay them out."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        """Return the message, then the details, then the hint, each on lines of its own."""
        parts = [self.message, self.details.rstrip(), f"Try: {self.hint}" if self.hint else ""]
        return "\n".join(part for part in parts if part)


class UntrustedServer(Problem):
    """A web server's certificate is not accepted.

    Attributes:
        address: Its address; after a redirect, this is not the address that the user gave.
    """

    def __init__(self, message: str, *, address: str, hint: str = "") -> None:
        """Keep the address for a caller that knows more about it."""
        super().__init__(message, hint=hint)
        self.address = address
