"""Pages of rows: the query parameters and the answer (``thingsboard-rpc.md`` 4.4)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query

from host_tools.platform.api_errors import ApiError, ErrorCode, bad_request
from host_tools.platform.storage.pages import Page

MAX_PAGE_SIZE = 10_000
MAX_PAGE = 1_000_000


class PageParameters:
    """The paging parameters of a request, which an endpoint may or may not need."""

    def __init__(
        self,
        page_size: Annotated[str | None, Query(alias="pageSize")] = None,
        page: Annotated[str | None, Query()] = None,
        text_search: Annotated[str | None, Query(alias="textSearch")] = None,
        sort_property: Annotated[str | None, Query(alias="sortProperty")] = None,
        sort_order: Annotated[str | None, Query(alias="sortOrder")] = None,
    ) -> None:
        self._page_size = page_size
        self._page = page
        self._text_search = text_search
        self._sort_property = sort_property
        self._sort_order = sort_order

    def require(self) -> Page:
        """Return the page; raises ApiError 500 when a number is missing, as ThingsBoard does."""
        if self._sort_order not in (None, "ASC", "DESC"):
            raise bad_request(f"Unsupported sort order '{self._sort_order}'! ASC or DESC")
        return Page(
            size=_number("pageSize", self._page_size, 1, MAX_PAGE_SIZE),
            number=_number("page", self._page, 0, MAX_PAGE),
            text_search=self._text_search or None,
            sort_property=self._sort_property or None,
            descending=self._sort_order == "DESC",
        )


PageQuery = Annotated[PageParameters, Depends()]


def _number(name: str, text: str | None, least: int, most: int) -> int:
    if text is None:
        message = f"Required request parameter '{name}' is not present"
        raise ApiError(500, ErrorCode.GENERAL, message)
    if not text.isascii() or not text.isdigit() or not least <= int(text[:9]) <= most:
        raise bad_request(f"{name} has to be a number from {least} to {most}")
    return int(text[:9])


def page_json(rows: list[dict[str, Any]], total: int, page: Page) -> dict[str, Any]:
    """Return a page in the form of the API."""
    return {
        "data": rows,
        "totalPages": -(-total // page.size),
        "totalElements": total,
        "hasNext": (page.number + 1) * page.size < total,
    }
