"""What a community may say in its own words: names to fill in, links, length; and filling them."""

import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Final
from urllib.parse import urlsplit

from handlers import words
from handlers.understanding.normaliser import sanitise
from handlers.understanding.recogniser import Recogniser, Understanding
from storage.kinds import OwnText
from storage.lazy import regex
from storage.operations.own_words import MOST_TEXT_CHARS
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

FIELDS: Final[Mapping[str, str]] = {
    "phrasings": "问法要 1 到 20 种，每种不超过 60 个字，不能重复",
    "answer": "答案要 1 到 600 个字",
    "last_on": "结束日期不能早于开始日期",
    "faqs": "一个小区最多 300 条",
}
"""What is said of a question that cannot be kept."""

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


def text_objections(kind: OwnText, text: str, office: Contact, hosts: Collection[str]) -> list[str]:
    """Say in Chinese why a greeting, words after hours or phone numbers may not be said."""
    found = objections(text, office, hosts)
    if len(text) > MOST_TEXT_CHARS:
        found.append(f"最多 {MOST_TEXT_CHARS} 个字")
    if kind is OwnText.PHONES:
        try:
            phones(text)
        except ValueError as unfit:
            found.append(f"“{unfit}”看不懂，写成 名称=号码，几个用分号隔开")
    return found


def text_told(kind: OwnText, text: str, office: Contact) -> str:
    """Return what residents read of a text that nothing stands against."""
    return phones(text) if kind is OwnText.PHONES else fill(text, office)


def read_phrasings(
    said: Iterable[str], recogniser: Recogniser, *, today: date
) -> tuple[tuple[tuple[str, str], ...], list[str]]:
    """Read ways to ask as a question keeps them, and what stands against some of them."""
    read, problems = [], []
    for one in map(str.strip, said):
        understood = recogniser.understand(one, today=today)
        read.append((one, understood.normal))
        problems.append(means_already(one, understood))
    return tuple(read), [one for one in problems if one]


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
