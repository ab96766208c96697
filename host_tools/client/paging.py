"""Lists that a server gives in pages (reference/thingsboard-rpc.md 4.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from urllib.parse import quote, urlencode

from host_tools.client.failures import refusal
from host_tools.client.session import Session
from host_tools.errors import ExitCode, WakecallError
from host_tools.json_text import Json

PAGE_SIZE = 100


def items(
    session: Session, url: str, query: Mapping[str, str], doing: str
) -> Iterator[dict[str, Json]]:
    """Give the items of a list, page by page as they are asked for.

    Args:
        session: Whose list it is.
        url: The list's path.
        query: Filters and order.
        doing: What is asked, for errors, such as ``"list the devices"``.

    Raises:
        WakecallError: The server refuses (see `failures.refusal`), or answers with no page.
    """
    for page in count():
        whole = {"pageSize": str(PAGE_SIZE), "page": str(page), **query}
        response = session.request("GET", f"{url}?{urlencode(whole, quote_via=quote)}")
        if response.status != 200:
            raise refusal(response, doing)
        content = response.json()
        rows = content.get("data") if isinstance(content, dict) else None
        if not isinstance(content, dict) or not isinstance(rows, list):
            raise WakecallError(
                f"cannot {doing}: the server's answer is no page", code=ExitCode.UNREACHABLE
            )
        yield from (row for row in rows if isinstance(row, dict))
        if not content.get("hasNext"):
            return
