"""Clean what was typed and bring its many spellings to one form."""

import re
import unicodedata
from typing import Final

from opencc import OpenCC

MAX_CHARS: Final = 3_000

_SEPARATORS: Final = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
_UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff0-\uffff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    "|["
    + "".join(
        f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(1, 17)
    )
    + "]"
)
_EMOTICON: Final = re.compile(r"\[[a-z\u4e00-\u9fff]{1,6}\]")
_SPACES: Final = re.compile(r"\s+")
_PAUSE: Final = re.compile(
    r"((?:不(?:是|想|要|用|打算|需要)|没有?|别|并非)[\u3400-\u9fff]{1,14}) (?=[\u3400-\u9fff])"
)
"""A gap behind something denied: who dictates sets no comma, and what is denied ends here."""
_CJK_GAP: Final = re.compile(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])")
_PUNCTUATION: Final = str.maketrans(
    {
        **dict.fromkeys("。｡．…", "."),
        **dict.fromkeys("，、､", ","),
        **dict.fromkeys("；", ";"),
        **dict.fromkeys("：∶", ":"),
        **dict.fromkeys("！", "!"),
        **dict.fromkeys("？", "?"),
        **dict.fromkeys("‐‑‒–—―−－﹣─━", "-"),
        **dict.fromkeys("~～〜", "~"),
        **dict.fromkeys("“”„‟「」『』《》〈〉【】\"'‘’`´", " "),
        **dict.fromkeys("（〔［", "("),
        **dict.fromkeys("）〕］", ")"),
        "〇": "零",
        "帐": "账",
        "妳": "你",
        "祢": "你",
        "咁": "这么",
        "冇": "没",
        "嘅": "的",
        "唔": "不",
        "啲": "些",
        "咗": "了",
        "俾": "给",
        "畀": "给",
    }
)
_TYPOS: Final[dict[str, str]] = {
    "wuyefei": "物业费",
    "wu ye fei": "物业费",
    "wyf": "物业费",
    "shuifei": "水费",
    "dianfei": "电费",
    "shui fei": "水费",
    "dian fei": "电费",
    "ting che fei": "停车费",
    "che wei fei": "车位费",
    "ran qi fei": "燃气费",
    "nuan qi fei": "暖气费",
    "guan li fei": "管理费",
    "zhangdan": "账单",
    "jiaofei": "缴费",
    "tuikuan": "退款",
    "fapiao": "发票",
    "shouju": "收据",
    "bangding": "绑定",
    "rengong": "人工",
    "物业废": "物业费",
    "物业非": "物业费",
    "物业肥": "物业费",
    "物业fei": "物业费",
    "物液费": "物业费",
    "务业费": "物业费",
    "物页费": "物业费",
    "污业费": "物业费",
    "勿业费": "物业费",
    "水废": "水费",
    "电废": "电费",
    "停车废": "停车费",
    "车位废": "车位费",
    "停车非": "停车费",
    "交废": "交费",
    "缴废": "缴费",
    "绞费": "缴费",
    "教费": "交费",
    "较费": "缴费",
    "叫费": "缴费",
    "退宽": "退款",
    "腿款": "退款",
    "推款": "退款",
    "退欵": "退款",
    "发飘": "发票",
    "发漂": "发票",
    "收剧": "收据",
    "收具": "收据",
    "帮定": "绑定",
    "邦定": "绑定",
    "榜定": "绑定",
    "绑订": "绑定",
    "梆定": "绑定",
    "张单": "账单",
    "账蛋": "账单",
    "仗单": "账单",
    "障单": "账单",
    "丈单": "账单",
    "人公": "人工",
    "仁工": "人工",
    "违约今": "违约金",
    "违约斤": "违约金",
    "保修": "报修",
    "报休": "报修",
    "滞那金": "滞纳金",
    "欠废": "欠费",
    "元月": "1月",
    "呢个月": "这个月",
    "今个月": "这个月",
    "旧年": "去年",
    "公滩": "公摊",
    "按金": "押金",
    "屋头": "家",
    "屋里厢": "家里",
    "屋里头": "家里",
    "屋企": "家",
    "阿拉": "我",
    "覅": "不要",
    "边度": "哪里",
    "搵": "找",
    "揾": "找",
    "睇": "看",
    "攞": "拿",
    "嗰": "那",
    "喺": "在",
    "嚟": "来",
    "佢": "他",
    "哋": "们",
    "乜嘢": "什么",
    "咩嘢": "什么",
    "乜": "什么",
    "有咩": "有什么",
    "搞掂": "办好",
    "仲未": "还没",
    "仲有": "还有",
    "呢张": "这张",
    "呢笔": "这笔",
    "呢度": "这里",
    "系咪": "是不是",
    "不系": "不是",
    "没得": "没有",
    "晓不得": "不知道",
    "恁": "这么",
    "一哈": "一下",
    "shang ge yue": "上个月",
    "shanggeyue": "上个月",
    "zhe ge yue": "这个月",
    "zhegeyue": "这个月",
    "wuye fei": "物业费",
    "shuibiao": "水表",
    "shui biao": "水表",
    "dianbiao": "电表",
    "dian biao": "电表",
    "qibiao": "气表",
    "tingchefei": "停车费",
    "guanlifei": "管理费",
    "甚麽": "什么",
    "什麽": "什么",
    "神马": "什么",
    "肿么": "怎么",
    "咋个": "怎么",
    "咋": "怎么",
    "啥子": "什么",
    "啥": "什么",
    "木有": "没有",
    "米有": "没有",
    "莫得": "没有",
    "嘛时候": "什么时候",
    "几多钱": "多少钱",
    "几多": "多少",
    "好多钱": "多少钱",
    "几钱": "多少钱",
    "点解": "为什么",
    "为毛": "为什么",
    "为嘛": "为什么",
    "干嘛": "干什么",
    "点样": "怎么",
    "点计": "怎么算",
    "点整": "怎么弄",
    "边个": "谁",
    "哪个时候": "什么时候",
    "几时": "什么时候",
    "几耐": "多久",
    "俺": "我",
    "咱家": "我家",
    "咱": "我",
    "吾": "我",
    "侬": "你",
    "您": "你",
    "噻": "",
    "撒子": "什么",
    "晓得": "知道",
}
_TYPO: Final = re.compile("|".join(sorted(map(re.escape, _TYPOS), key=len, reverse=True)))
_STRIPPED: Final = re.compile(r"[^0-9a-z\u3400-\u9fff¥.,:#/+%-]+")
_LOOSE_MARK: Final = re.compile(r"(?<![0-9a-z])[.,:#/+%-]+|[.,:#/+%-]+(?![0-9a-z\u3400-\u9fff])")
_INNER_COMMA: Final = re.compile(r"[.,:]+(?![0-9])")
_AROUND_CJK: Final = re.compile(r"(?<=[\u3400-\u9fff]) | (?=[\u3400-\u9fff])")

_TO_SIMPLIFIED: Final = OpenCC("t2s")


def sanitise(text: str) -> str:
    """Return text in NFC without control, surrogate, bidi and zero-width characters."""
    if text.isascii() and text.isprintable():
        return text.strip()
    separated = _SEPARATORS.sub(" ", text)
    return unicodedata.normalize("NFC", _UNSAFE.sub("", separated)).strip()


def fold(text: str) -> str:
    """Return the sanitised text in lower-case simplified Chinese with ASCII punctuation.

    Clause marks stay where they are; at most MAX_CHARS characters are kept.
    """
    compatible = unicodedata.normalize("NFKC", sanitise(text[: 2 * MAX_CHARS]))[:MAX_CHARS]
    simple = _TO_SIMPLIFIED.convert(_UNSAFE.sub("", compatible).lower())
    plain = _EMOTICON.sub(" ", simple).translate(_PUNCTUATION)
    paused = _PAUSE.sub(r"\1,", _SPACES.sub(" ", plain))
    spaced = _CJK_GAP.sub("", paused)
    return _TYPO.sub(lambda match: _TYPOS[match.group()], spaced).strip()


def squeeze(folded: str) -> str:
    """Return a folded text without punctuation, but with marks inside numbers and labels."""
    bare = _INNER_COMMA.sub(" ", _STRIPPED.sub(" ", folded))
    kept = _LOOSE_MARK.sub(" ", bare)
    return _AROUND_CJK.sub("", _SPACES.sub(" ", kept)).strip()


def normalise(text: str) -> str:
    """Return the one form under which equal utterances are equal."""
    return squeeze(fold(text))
