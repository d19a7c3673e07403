"""What a community may say in its own words: names to fill in, links, length; and filling them."""

import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from handlers import words
from handlers.understanding.normaliser import sanitise
from handlers.understanding.recogniser import Understanding
from storage.lazy import regex
from storage.queries.policies import named_reasons
from storage.queries.residents import Contact

MOST_BYTES: Final = 1_800
"""What fits into one WeChat text (2,048 bytes), with room for a line of ours."""
CLEAR: Final = 0.8
"""From this confidence on the recogniser's word stands."""
NAMES: Final[Mapping[str, Callable[[Contact], str]]] = {
    "小区": lambda office: office.community_name,
    "公司": lambda office: office.company_name,
    "电话": lambda office: office.phone,
    "地址": lambda office: office.address,
    "上班时间": lambda office: words.duty(office.duty),
}
"""What stands in braces → what is said for it."""

_BRACED: Final = regex(r"[{｛]([^{}｛｝]*)[}｝]")
_SCHEME: Final = regex(r"([a-z][a-z0-9+.-]*)://")
_LINK: Final = regex(r"https?://[^\s，。；、）)”\"'<>]*")
_BARE_HOST: Final = regex(r"(?:[a-z0-9-]+\.)+[a-z]{2,}")
_TAG: Final = regex(r"</?[a-z]")
_DOTS: Final = str.maketrans("。．｡", "...")


def objections(text: str, office: Contact, hosts: Collection[str]) -> list[str]:
    """Say in Chinese why a text may not be said to residents; nothing where it may."""
    found = [*_about_names(text), *_about_links(text, hosts)]
    if not text.strip():
        found.append("没有写内容")
    if any(one.strip() != sanitise(one) for one in text.split("\n")):
        found.append("有看不见的字符，请重新输入一遍")
    if len(fill(text, office).encode()) > MOST_BYTES:
        found.append(f"太长，一条微信消息最多约{MOST_BYTES // 3}个字")
    return found


def fill(text: str, office: Contact) -> str:
    """Put an office's facts where a text names them: "{电话}"; other braces stay."""
    return _BRACED.sub(lambda at: NAMES[at[1]](office) if at[1] in NAMES else at[0], text)


def phones(text: str) -> str:
    """Tell more numbers of the office, a line each. Raises ValueError for another shape."""
    return "\n".join(f"{name} {number}" for name, number in named_reasons(text).items())


def means_already(said: str, understood: Understanding) -> str | None:
    """Say what a phrasing clearly means already, so that it is none for an own answer; or None."""
    if understood.intent == "out_of_scope" or understood.confidence < CLEAR:
        return None
    name, sure = understood.intent, f"{understood.confidence:.0%}"
    return f"“{said}”机器人已经当作 {name}（把握 {sure}），请换一种问法"


def _about_names(text: str) -> Iterator[str]:
    for name in _BRACED.findall(text):
        if name not in NAMES:
            yield f"不认识“{{{name}}}”；可以写 {'、'.join(f'{{{one}}}' for one in NAMES)}"
    if any(one in _BRACED.sub("", text) for one in "{}｛｝"):
        yield "花括号要成对"


def _about_links(text: str, hosts: Collection[str]) -> Iterator[str]:
    """Object to every address that is not on the list, however it is written."""
    plain = unicodedata.normalize("NFKC", text).lower()
    if _TAG.search(plain):
        yield "不能写网页代码"
    for scheme in _SCHEME.findall(plain):
        if scheme not in ("http", "https"):
            yield f"不能写 {scheme}:// 的链接"
    for link in _LINK.findall(plain):
        if _host(link) not in hosts:
            yield f"链接 {words.shorten(link, 40)} 不在允许的网站里"
    for host in _BARE_HOST.findall(_LINK.sub(" ", plain).translate(_DOTS)):
        if host not in hosts:
            yield f"网址 {words.shorten(host, 40)} 不在允许的网站里"


def _host(link: str) -> str:
    """Return where a link really leads, "" where that is not plain."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    is_plain = "@" not in parts.netloc and "\\" not in link
    return (parts.hostname or "").rstrip(".") if is_plain else ""
