"""The exceptions that a user is meant to read."""


class UserError(Exception):
    """Input that cannot be used, told in one sentence: what is wrong, where, and how to mend it.

    A stage that raises it ends with this sentence and exit status 1, without a traceback: the
    mistake is in what was given to us, so our own lines would only stand in front of it.
    """

    @property
    def sentence(self) -> str:
        """The sentence, still a message if it was given as one."""
        return self.args[0]  # type: ignore[no-any-return]


class DamagedFileError(UserError, ValueError):
    """A generated file that does not hold what it should.

    Whoever can do without the file catches it as the ValueError that a parser would raise.
    """
