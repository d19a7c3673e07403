"""What is denied: take away the clauses that say what the speaker does not want."""

import re
from typing import Final

from storage.frozen import dataclass
from storage.lazy import regex

_CLAUSES: Final = regex(
    r"((?<![0-9])[,.;:!?~]+|[,.;:!?~]+(?![0-9])"
    r"|(?=(?:但是|但|而是|可是|不过|我?就(?:是|想|问)|我问的?是|系(?:想|要|问)"
    r"|我?只(?:是|想|要)|我是(?:想|要|问"
    r"|说)|是想|是要问|我想问|i just|just)))"
)
_ALTERNATIVES: Final = regex(
    r"([能会要是该用有行对好])(?:不|没)\1|可不可以|需不需要|应不应该|知不知道|可以不可以|有没有"
)
_DENIAL: Final = regex(
    r"(?:又|可|并|真|也|还|暂时|现在|先|我)*"
    r"(?:不是(?!我家的|我的|我用|我们家|说好|已经|早|都?[交缴付](?:过|了|完|清))|并非|(?<!当我)没有?说(?:过)?(?:要)?|谁说(?:过)?(?:我)?|可?没有?申请|没有?(?:想|打算|要|让你|叫你)|从没|不想|不要|不用|不必|不需要|不打算|"
    r"不准备|无需|先不|暂不|别(?!墅|的|人|家|处)|甭|莫要|不需|不再|不急着"
    r"|(?<![a-z])(?:i )?(?:do not|don t|don't|dont|never(?! ?mind)"
    r"|not(?= (?:want|asking|need|trying|going|to|for|about|an?|the|bill|pay|refund)))(?![a-z])"
    r"(?! (?:work|have|see|know|understand|agree|receive|get|recogni[sz]e)(?![a-z]))"
    r"(?: want| asking| need| trying)?(?: to| for| a)?)"
)
_LATE_DENIAL: Final = regex(
    r"(?:退|退款|退钱|交|缴|付|绑|办|弄|开|投诉|查|要|解绑|取消|修|报修)(?:就|也|都)?不(?:用|必|要|需要|想|着急|急)了?"
    r"|(?:先|就|都|也)?(?<![打解付交绑查看刷推拉拧按])不(?:交|缴|付|退|开|查|弄|办|投诉|买|充|存|要)(?:费|款|钱|票|账)?了"
)
_CONDITION: Final = regex(
    r"再不|不(?:修|解决|处理|整改|打扫|清理|清|扫|赔|道歉|来人?修|管|换|弄|办|搞|把)(?!了)"
    r"|(?:修|弄|搞|办|扫|管)不好|凭[什啥]|什么时候.{2,}什么时候|除非"
)
"""With such words a refusal to pay is a threat: what it is about is the wish, and stays."""
_WISHES: Final = regex(
    r"提醒|通知|推送|催|打扰|打电话|发(?:消息|信息|短信|了|给|我)|骚扰|烦|消息|短信|绑(?:了|定了)|住(?:了|这)?|机器"
    r"|骗|推(?:脱|卸|三)|糊弄|废话|remind|notif|message|bot|拖|再收|乱收"
)
_HINT: Final = regex(r"[不没别非无甭]|谁说|莫要|not|don|never")
_SPACES: Final = regex(r"\s+")


@dataclass(frozen=True, slots=True)
class Said:
    """The part that is meant, the part that is denied, and whether any was denied."""

    meant: str
    denied: str


def split_denied(folded: str) -> Said:
    """Return a folded text split in what is meant and what is denied.

    能不能 and the like are questions; "不要再提醒" is a wish and stays.
    """
    text = _ALTERNATIVES.sub(_as_question, folded)
    if not _HINT.search(text):
        return Said(text, "")
    meant: list[str] = []
    denied: list[str] = []
    for piece in filter(None, _CLAUSES.split(text)):
        is_mark = not _SPACES.sub("", piece).strip(",.;:!?~")
        if is_mark:
            meant.append(piece)
            continue
        kept, gone = _cut(piece)
        meant.append(kept)
        denied.append(gone)
    return Said("".join(meant).strip(" ,.;:~"), " ".join(filter(None, denied)))


def _as_question(match: re.Match[str]) -> str:
    """Return the plain question for A-not-A."""
    return {"是": "是否", "有": "有没", "要": "要否"}.get(match.group()[0], "能否")


def _cut(clause: str) -> tuple[str, str]:
    """Return a clause as (meant, denied)."""
    match = _DENIAL.search(clause)
    if match and not _WISHES.search(clause, match.start()):
        return clause[: match.start()], clause[match.start() :]
    late = _LATE_DENIAL.search(clause)
    if late and not (_WISHES.search(clause) or _CONDITION.search(clause)):
        return "", clause
    return clause, ""
