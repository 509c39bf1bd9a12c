"""The exceptions that a user is meant to read."""


class UserError(Exception):
    """Input that cannot be used. One sentence says what is wrong, where, and how to repair it.

    A stage that raises it ends with this sentence and exit status 1. It shows no traceback, since
    the mistake is in the input and the lines of this project would only hide it.
    """

    @property
    def sentence(self) -> str:
        """The sentence; it is a `Message` if the error was raised with one."""
        return self.args[0]  # type: ignore[no-any-return]


class DamagedFileError(UserError, ValueError):
    """A generated file whose content is damaged.

    It is also a ValueError, so that a caller who can do without the file catches it like an error
    of the parser.
    """
