"""How a command of the tools ends without having done its work.

Refused      it could not begin: settings, credentials, arguments or evidence are unusable; exit status 2
Interrupted  it began and could not go on; what was found so far is kept; exit status 3
"""

from __future__ import annotations


class Refused(Exception):
    """Nothing was looked at or changed; the text is one sentence, and never holds a secret."""


class Interrupted(Exception):
    """The work stopped in the middle; the text is one sentence that says how to go on."""
