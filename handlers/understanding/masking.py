"""What a stranger may read of a text: no name, phone, sum, flat, plate, number, address.

What is doubtful is hidden: a stranger then understands less, and learns nothing of anybody.
"""

from collections.abc import Collection, Iterator
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Final

from handlers.understanding import examples, model, names, units
from handlers.understanding.normaliser import fold
from handlers.understanding.recogniser import INTENT_NAMES
from handlers.understanding.slots import read_slots
from storage.frozen import dataclass
from storage.lazy import regex

MOST_CHARS: Final = 160
NAME: Final = "某人"
NUMBER: Final = "某数"
WORD: Final = "某词"
PLACE: Final = "某房"

_NUMERAL: Final = "零〇一二三四五六七八九十百千万亿两俩仨廿卅壹贰叁肆伍陆柒捌玖拾佰仟幺0-9"
_MONTH: Final = r"(?:1[0-2]|[1-9])月份?|十[一二]?月份?|[一二三四五六七八九]月份?"
_PLATE: Final = regex(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼港澳使领学警]"
    r" ?[a-z](?: ?[·.•-]? ?[a-z0-9零幺一二三四五六七八九挂学警]){4,7}"
)
_NUMBER: Final = regex(
    rf"(?P<month>(?<![{_NUMERAL}])(?:{_MONTH}))"
    rf"|[a-z_.@:/+#-]*[0-9_@/][a-z0-9_.@:/+#,、-]*"
    rf"|[{_NUMERAL}](?:[^\u3400-\u9fffa-z]{{0,3}}[{_NUMERAL}])+"
    rf"|[{_NUMERAL}](?=[栋幢座门楼层室号元块毛角分户度吨]|单元)"
)
_LATIN: Final = regex(r"[a-z]+(?:'[a-z]+)?")
_HAN_RUN: Final = regex(r"[\u3400-\u9fff]+")
_SURNAME: Final = names.SURNAMES
_TOLD: Final = regex(
    r"(?P<lead>(?:我叫|名叫|叫做|姓名|名字|户主|户名|抬头|联系人|登记人|收款人|付款人|本人)"
    r"(?:是|叫|为|:|,| )*)(?P<name>[\u3400-\u9fff]{2,4})"
)
_TITLED: Final = regex(
    rf"(?:{names.COMPOUND}|[{_SURNAME}])[\u3400-\u9fff]{{0,2}}?"
    r"(?=先生|女士|小姐|太太|阿姨|叔叔|大爷|大妈|大姐|大哥|奶奶|爷爷|师傅|老师|经理|主任|医生"
    r"|律师|管家|[总姐哥嫂叔伯婶])"
)
_FAMILIAR: Final = regex(
    rf"(?<=[老小阿])[{_SURNAME}](?!区|时|孩|学|车|门|师|人|百姓|公|婆|板|妈|爸)"
)
_COMPOUND: Final = regex(rf"(?:{names.COMPOUND})[\u3400-\u9fff]{{1,2}}")
_GIVEN: Final = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国志文斌辉力永健世广义兴良海山仁波宁"
    "贵福生龙元全胜祥才发武新利清飞彬富顺信子昌成康星光天达安岩中茂进林有坚和彪博诚先敬震振壮会思"
    "群豪心邦承乐绍功松善厚庆民友裕河哲江浩亮政谦亨奇固之轮翰朗伯宏言若鸣朋梁栋维启克伦翔旭鹏泽晨"
    "辰士以家致树炎德行时泰盛雄琛钧冠策腾楠榕风航弘淑惠珠翠雅芝萍娥玲芬燕彩春菊凤洁梅琳素云莲真环"
    "雪荣爱妹香月莺媛瑞凡佳嘉琼勤珍贞莉娣璧璐娅琦晶妍茜秋珊莎锦黛青倩婷姣婉娴瑾颖露瑶怡婵雁蓓纨仪"
    "荷丹蓉眉君琴蕊薇菁梦岚苑婕馨瑗琰韵融园艺咏卿聪澜纯悦昭冰爽琬茗羽希欣飘育滢馥筠柔竹霭凝晓欢霄"
    "枫芸菲寒伊亚宜可姬舒影荔枝丝东南轩梓涵宇俊诗雨皓轶萱桐一诺沐睿熙恩泓奕鑫昊远小大宝"
)
_LIKELY: Final = regex(rf"[{_SURNAME}](?:[{_GIVEN}]{{2}}|[{_GIVEN}])")
_BETWEEN: Final = regex(
    rf"(?:(?<=[给帮替叫找和跟让是姓名户主,. ])|^)[{_SURNAME}][\u3400-\u9fff]{{1,2}}"
    r"(?=[的家交缴付住在说去来打已,.!?某 ]|$)"
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What residents say in the examples, where no names are told."""

    runs: frozenset[str]
    """Runs of two and three Chinese letters."""
    words: frozenset[str]
    pairs: frozenset[tuple[str, str]]


def mask(text: str, *, today: date, people: Collection[str] = ()) -> str:
    """Return a text without what tells of a person; `people` are names that are known to us."""
    folded = fold(text)[: 2 * MOST_CHARS]
    for name in sorted(filter(None, people), key=len, reverse=True):
        folded = folded.replace(fold(name), NAME)
    told = read_slots(folded, today)[0].name
    if told:
        folded = folded.replace(told, NAME)
    found = units.find_unit(folded)
    if found:
        folded = f"{folded[: found.start]}{PLACE}{folded[found.end :]}"
    unnumbered = _NUMBER.sub(lambda at: at["month"] or NUMBER, _PLATE.sub(WORD, folded))
    return _without_words(_without_names(unnumbered))[:MOST_CHARS]


def candidates(text: str) -> frozenset[str]:
    """Return what in a text may be a person's name, to look for among those that we know."""
    runs = (run for run in _HAN_RUN.findall(fold(text)[: 2 * MOST_CHARS]))
    return frozenset(one for run in runs for size in (2, 3, 4) for one in _windows(run, size))


def _without_names(text: str) -> str:
    text = _TOLD.sub(lambda at: f"{at['lead']}{NAME}", text)
    for pattern in (_TITLED, _FAMILIAR, _COMPOUND):
        text = pattern.sub(NAME, text)
    for pattern in (_LIKELY, _BETWEEN):
        text = pattern.sub(lambda at: at[0] if at[0] in _known().runs else NAME, text)
    return text


def _without_words(text: str) -> str:
    """Hide words in Latin letters that are none of the examples'; pinyin only where they pair."""
    found = list(_LATIN.finditer(text))
    spoken = [one[0] for one in found]
    paired = {
        place
        for at, pair in enumerate(pairwise(spoken))
        if pair in _known().pairs
        for place in (at, at + 1)
    }
    hidden = [
        one
        for at, one in enumerate(found)
        if one[0] not in _known().words or (_is_pinyin(one[0]) and at not in paired)
    ]
    for one in reversed(hidden):
        text = f"{text[: one.start()]}{WORD}{text[one.end() :]}"
    return text


def _is_pinyin(word: str) -> bool:
    return "".join(model.load().syllables.of([word])) != word and len(word) > 1


@cache
def _known() -> _Known:
    """Read the examples in which nobody names anybody, once."""
    told = [
        fold(text)
        for intent, text in examples.load(INTENT_NAMES)
        if intent not in ("bind", "unbind", "human", "feedback", "out_of_scope")
    ]
    spoken = [_LATIN.findall(text) for text in told]
    return _Known(
        frozenset(
            one
            for text in told
            for run in _HAN_RUN.findall(text)
            for size in (2, 3)
            for one in _windows(run, size)
        ),
        frozenset(word for words in spoken for word in words),
        frozenset(pair for words in spoken for pair in pairwise(words)),
    )


def _windows(run: str, size: int) -> Iterator[str]:
    return (run[at : at + size] for at in range(len(run) - size + 1))
