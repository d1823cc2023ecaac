"""Reads the list of finetunes in every shape it is known in; never "empty" on doubt.

The OpenAPI document says `result` is one object, the documentation shows `[[...]]`,
wrangler expects an array, and no pagination is documented. All three are read; anything
else is an error, and pages are followed where `result_info` shows that there are some.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from reconciler.model import Listing, RemoteFinetune

MAX_PAGES = 200

_ID = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}\Z")


class UnreadableListingError(Exception):
    """The answer is of no known shape; the text says what is wrong, for people."""


class IncompleteListingError(Exception):
    """What was read is not all, or contradicts itself; asking again may help."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer. total, per_page, pages: from `result_info`, None where it does not say.

    goes_on: it names a cursor, by which other endpoints of Cloudflare are read on.
    """

    finetunes: tuple[RemoteFinetune, ...]
    total: int | None = None
    per_page: int | None = None
    pages: int | None = None
    goes_on: bool = False


def is_id(value: object) -> bool:
    """Tell whether it can be a server's id, which becomes a part of an address."""
    return isinstance(value, str) and bool(_ID.match(value))


def read_page(result: object, result_info: object) -> Page:
    """Read one answer's `result` and `result_info`; raises UnreadableListingError."""
    finetunes = tuple(_finetune(item) for item in _items(result))
    info = {} if result_info is None else result_info
    if not isinstance(info, dict):
        raise UnreadableListingError(f"result_info is {_kind(info)}")
    return Page(
        finetunes,
        _count(info, "total_count"),
        _count(info, "per_page"),
        _count(info, "total_pages"),
        goes_on=bool(info.get("cursor")),
    )


def read_pages(fetch: Callable[[str], Page]) -> Listing:
    """Read page after page until all is read; raises IncompleteListingError.

    fetch takes the query: none at first, as it is documented, then one for each further page,
    which are as long as the first one was.
    """
    found: dict[str, RemoteFinetune] = {}
    page = fetch("")
    size = page.per_page or len(page.finetunes)
    news = _merge(found, page)
    for number in range(1, MAX_PAGES):
        if _is_last(page, number, len(found), news):
            break
        page = fetch(f"?page={number + 1}&per_page={size}")
        news = _merge(found, page)
    else:
        raise IncompleteListingError(f"after {MAX_PAGES} pages there are still more")
    _check_end(page, number, news)
    if page.total is not None and page.total != len(found):
        raise IncompleteListingError(
            f"the API counts {page.total} finetunes in the account, and {len(found)} could be read"
        )
    return Listing(tuple(found.values()))


def _merge(found: dict[str, RemoteFinetune], page: Page) -> int:
    news = 0
    for remote in page.finetunes:
        if found.setdefault(remote.id, remote) != remote:
            raise IncompleteListingError(
                f"the id {remote.id} is listed twice with different content"
            )
        news += found[remote.id] is remote
    return news


def _check_end(page: Page, number: int, news: int) -> None:
    """Raise IncompleteListingError where what is left unread can be seen without a total."""
    if page.total is not None:
        return
    if page.pages is not None and number > 1 and not news:
        raise IncompleteListingError(
            f"the API counts {page.pages} pages, and page {number} has nothing new"
        )
    if page.goes_on:
        raise IncompleteListingError("the API names a cursor, by which there is more to read")


def _is_last(page: Page, number: int, read: int, news: int) -> bool:
    if page.total is not None:
        return read >= page.total or not news
    if page.pages is not None:
        return number >= page.pages or not news
    # No total, but pages: a full one may have a successor.
    return page.per_page is None or len(page.finetunes) < page.per_page or not news


def _items(result: object) -> list[object]:
    if isinstance(result, dict):
        return [result]
    if not isinstance(result, list):
        raise UnreadableListingError(f"result is {_kind(result)}")
    if result and all(isinstance(item, list) for item in result):
        return [inner for outer in result for inner in outer]
    return result


def _finetune(item: object) -> RemoteFinetune:
    if not isinstance(item, dict):
        raise UnreadableListingError(f"an entry of result is {_kind(item)}")
    if not is_id(item.get("id")):
        raise UnreadableListingError("an entry of result has no usable id")
    for field in ("name", "model"):
        if not isinstance(item.get(field), str):
            raise UnreadableListingError(f"{field} of {item['id']} is {_kind(item.get(field))}")
    description = item.get("description")
    if not isinstance(description, str | None):
        raise UnreadableListingError(f"description of {item['id']} is {_kind(description)}")
    public = item.get("public")
    return RemoteFinetune(
        id=item["id"],
        name=well_formed(item["name"]),
        model=well_formed(item["model"]),
        description=well_formed(description),
        public=public if isinstance(public, bool) else None,
        created_at=well_formed(item.get("created_at")),
        modified_at=well_formed(item.get("modified_at")),
    )


def well_formed(value: object) -> str:
    """Return a text that can be encoded (JSON can hold lone surrogates); "" for no text."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _count(info: dict[str, object], name: str) -> int | None:
    value = info.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise UnreadableListingError(f"{name} of result_info is {_kind(value)}")
    return value or (None if name == "per_page" else 0)


def _kind(value: object) -> str:
    names: dict[type, str] = {
        type(None): "null or missing",
        bool: "a boolean",
        dict: "an object",
        list: "an array",
        str: "a text",
    }
    return names.get(type(value), "a number")
