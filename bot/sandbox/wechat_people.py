"""Followers and their tags, as the official account's API tells them."""

from typing import Any

from bot.sandbox.clock import to_ms
from bot.sandbox.official_account import Person
from bot.sandbox.wechat_call import OK, ApiError, Call, Endpoint

PAGE = 10_000
TAG_BYTES = 30
TAGS = 100
TAGS_OF_ONE = 20
TAGGED_AT_ONCE = 50
FIRST_OWN_TAG = 100


def followers(call: Call) -> dict[str, Any]:
    """GET user/get: 10,000 a page, no `data` on an empty one."""
    after = call.query.get("next_openid", "")
    openids = [person.openid for person in call.account.people() if person.follows]
    if after and after not in openids:
        raise ApiError(40003)
    page = openids[openids.index(after) + 1 :][:PAGE] if after else openids[:PAGE]
    answer: dict[str, Any] = {"total": len(openids), "count": len(page)}
    if page:
        answer["data"] = {"openid": page}
    answer["next_openid"] = page[-1] if page else ""
    return answer


def _told(call: Call, person: Person) -> dict[str, Any]:
    if not person.follows:
        return {"subscribe": 0, "openid": person.openid}
    followed_ms = to_ms(person.followed_at) if person.followed_at else 0
    return {
        "subscribe": 1,
        "openid": person.openid,
        "language": "zh_CN",
        "subscribe_time": followed_ms // 1000,
        "remark": person.remark,
        "groupid": 0,
        "tagid_list": _tags_of(call, person.openid),
        "subscribe_scene": person.scene,
        "qr_scene": 0,
        "qr_scene_str": "",
    }


def _tags_of(call: Call, openid: str) -> list[int]:
    rows = call.account.book.rows("SELECT tag_id FROM tagged WHERE openid = ?", openid)
    return [row["tag_id"] for row in rows]


def follower(call: Call) -> dict[str, Any]:
    """GET user/info."""
    person = call.account.person(call.query.get("openid", ""))
    if person is None:
        raise ApiError(40003)
    return _told(call, person)


def some_followers(call: Call) -> dict[str, Any]:
    """POST user/info/batchget: up to 100."""
    listed = call.json.get("user_list")
    if not isinstance(listed, list) or not 1 <= len(listed) <= 100:
        raise ApiError(40032)
    people = [call.account.person(str(one.get("openid"))) for one in listed]
    if None in people:
        raise ApiError(40003)
    return {"user_info_list": [_told(call, person) for person in people if person]}


def remark(call: Call) -> dict[str, Any]:
    """POST user/info/updateremark."""
    openid = call.openid("openid")
    text = str(call.json.get("remark", ""))[:30]
    call.account.book.write("UPDATE people SET remark = ? WHERE openid = ?", text, openid)
    return dict(OK)


def _tag_name(call: Call) -> tuple[int | None, str]:
    tag = call.json.get("tag")
    if not isinstance(tag, dict) or not isinstance(tag.get("name"), str) or not tag["name"]:
        raise ApiError(47001)
    name = tag["name"]
    if len(name.encode()) > TAG_BYTES:
        raise ApiError(45158)
    taken = call.account.book.value("SELECT id FROM tags WHERE name = ?", name)
    if taken is not None and taken != tag.get("id"):
        raise ApiError(45157)
    return tag.get("id"), name


def create_tag(call: Call) -> dict[str, Any]:
    """POST tags/create: at most 100."""
    _, name = _tag_name(call)
    book = call.account.book
    if book.value("SELECT COUNT(*) FROM tags") >= TAGS:
        raise ApiError(45056)
    last = book.value("SELECT COALESCE(MAX(id), ?) FROM tags", FIRST_OWN_TAG - 1)
    tag_id = book.write("INSERT INTO tags (id, name) VALUES (?, ?)", last + 1, name)
    return {"tag": {"id": tag_id, "name": name}}


def update_tag(call: Call) -> dict[str, Any]:
    """POST tags/update."""
    tag_id, name = _tag_name(call)
    _own_tag(call, tag_id)
    call.account.book.write("UPDATE tags SET name = ? WHERE id = ?", name, tag_id)
    return dict(OK)


def delete_tag(call: Call) -> dict[str, Any]:
    """POST tags/delete."""
    tag = call.json.get("tag")
    tag_id = _own_tag(call, tag.get("id") if isinstance(tag, dict) else None)
    with call.account.book.transaction():
        call.account.book.write("DELETE FROM tags WHERE id = ?", tag_id)
        call.account.book.write("DELETE FROM tagged WHERE tag_id = ?", tag_id)
    return dict(OK)


def _own_tag(call: Call, tag_id: object) -> int:
    if tag_id in (0, 1, 2):
        raise ApiError(45058)
    found = call.account.book.row("SELECT id FROM tags WHERE id = ?", tag_id)
    if found is None:
        raise ApiError(45159)
    return int(found["id"])


def tags(call: Call) -> dict[str, Any]:
    """GET tags/get."""
    rows = call.account.book.rows(
        "SELECT id, name, (SELECT COUNT(*) FROM tagged WHERE tag_id = id) AS count FROM tags"
    )
    return {"tags": [dict(row) for row in rows]}


def tag_people(call: Call) -> dict[str, Any]:
    """POST tags/members/batchtagging: up to 50 people, 20 tags each."""
    openids = call.openids("openid_list", TAGGED_AT_ONCE)
    tag_id = _own_tag(call, call.json.get("tagid"))
    if any(call.account.person(openid) is None for openid in openids):
        raise ApiError(40003)
    if any(len({*_tags_of(call, openid), tag_id}) > TAGS_OF_ONE for openid in openids):
        raise ApiError(45059)
    with call.account.book.transaction():
        for openid in openids:
            call.account.book.write("INSERT OR IGNORE INTO tagged VALUES (?, ?)", tag_id, openid)
    return dict(OK)


def untag_people(call: Call) -> dict[str, Any]:
    """POST tags/members/batchuntagging."""
    openids = call.openids("openid_list", TAGGED_AT_ONCE)
    tag_id = _own_tag(call, call.json.get("tagid"))
    with call.account.book.transaction():
        for openid in openids:
            call.account.book.write(
                "DELETE FROM tagged WHERE tag_id = ? AND openid = ?", tag_id, openid
            )
    return dict(OK)


def tags_of_one(call: Call) -> dict[str, Any]:
    """POST tags/getidlist."""
    return {"tagid_list": _tags_of(call, call.openid("openid"))}


def people_of_tag(call: Call) -> dict[str, Any]:
    """POST user/tag/get."""
    tag_id = _own_tag(call, call.json.get("tagid"))
    rows = call.account.book.rows("SELECT openid FROM tagged WHERE tag_id = ?", tag_id)
    openids = [row["openid"] for row in rows]
    answer: dict[str, Any] = {"count": len(openids)}
    if openids:
        answer |= {"data": {"openid": openids}, "next_openid": openids[-1]}
    return answer


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/cgi-bin/user/get"): followers,
    ("GET", "/cgi-bin/user/info"): follower,
    ("POST", "/cgi-bin/user/info/batchget"): some_followers,
    ("POST", "/cgi-bin/user/info/updateremark"): remark,
    ("POST", "/cgi-bin/tags/create"): create_tag,
    ("POST", "/cgi-bin/tags/update"): update_tag,
    ("POST", "/cgi-bin/tags/delete"): delete_tag,
    ("GET", "/cgi-bin/tags/get"): tags,
    ("POST", "/cgi-bin/tags/members/batchtagging"): tag_people,
    ("POST", "/cgi-bin/tags/members/batchuntagging"): untag_people,
    ("POST", "/cgi-bin/tags/getidlist"): tags_of_one,
    ("POST", "/cgi-bin/user/tag/get"): people_of_tag,
}
