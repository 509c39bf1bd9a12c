"""The one exception that a user is meant to read."""


class UserError(Exception):
    """Input that cannot be used, told in one sentence: what is wrong, where, and how to mend it.

    A stage that raises it ends with this sentence and exit status 1, without a traceback: the
    mistake is in what was given to us, so our own lines would only stand in front of it.
    """

    @property
    def sentence(self) -> str:
        """The sentence, still a message if it was given as one."""
        return self.args[0]  # type: ignore[no-any-return]
