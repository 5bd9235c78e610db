"""Addresses of PostgreSQL as they may be shown."""

from __future__ import annotations

import re

__all__ = ["without_password"]

# libpq takes several hosts in one address, which `urllib` does not, so the text is cut by hand.
IN_USER_INFO = re.compile(r"^([a-z]+://[^:/?#@]*):[^/?#]*@")
IN_QUERY = re.compile(r"([?&](?:ssl)?password=)[^&#]*")


def without_password(url: str) -> str:
    """Return the address with every password in it taken out."""
    return IN_QUERY.sub(r"\1***", IN_USER_INFO.sub(r"\1@", url))
