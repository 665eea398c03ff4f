"""What a user can mend is told apart from what is wrong with the suite."""

from __future__ import annotations


class UserError(Exception):
    """A mistake the user can mend.

    The message names the value, what was expected and what to do; the command line prints it as
    one line and ends with status 2.
    """
