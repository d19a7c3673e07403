"""Names of persons (姓名) in a message that binds, or where one is announced."""

from typing import Final

from storage.lazy import regex

_COMPOUND: Final = (
    "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|司徒|令狐"
    "|宇文|长孙|夏侯|端木|轩辕|南宫|独孤|呼延|申屠|闻人"
)
_SINGLE: Final = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏"
    "钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严"
    "牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐沿梅莫庄辛管祝左涂谷祁时舒耿牟卜路詹关苗凌费纪靳盛童欧甄项曲成游阳裴"
    "席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫来嵺苟全褚廉简娄盖"
    "符奚木穆党燕郎邸冀谈姬屠连郜晏栾郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝都巩稽井练仲乐虞卞封竺冼原官衣楚佟栗匡宗应台巫"
    "鞠僧桑荆谌银扬明沙薄伏岑习胥保和蔺"
)
_NAME: Final = rf"(?:(?:{_COMPOUND})[\u4e00-\u9fff]{{1,2}}|[{_SINGLE}][\u4e00-\u9fff]{{1,2}})"
SURNAMES: Final = _SINGLE
"""Surnames of one letter, one after the other."""
COMPOUND: Final = _COMPOUND
"""Surnames of two letters, as a pattern."""
_WHOLE: Final = regex(_NAME)
_ANNOUNCED: Final = regex(
    r"(?:我叫|(?:老公|老婆|爱人|儿子|女儿|我妈|我爸)叫|我的名字是|名字(?:是|叫|:)?|姓名(?:是|为|:)?|户主(?:是|叫|姓名|名字|:)*|业主(?:是|叫|姓名|名字|:)+"
    rf"|租客|登记人(?:是|:)?|登记的是|本人|我是) ?(?P<n>{_NAME})"
    r"(?=$|[ ,.;:!?()/]|的|从|某[房号]|电话|手机|住|房|号码|绑|,)"
)
_BESIDE: Final = regex(rf"某房[ ,]+(?P<n>{_NAME})[ .!]*")
_FILLER: Final = regex(
    r"(?:重新|申请|实名)?(?:绑定|邦定|认证|注册|登记|关联|添加|绑)(?:一下|下|房屋|房子|房产|业主|微信|账号|我家|我)*|"
    r"我是|我叫|我的|我要|我想|我|麻烦|请|帮忙|帮我|帮|给|"
    r"手机号码?|手机|电话号码|电话|联系方式|信息|资料|号码|房号|房间号?|房屋|房子|房产|地址|单元|住户|业主|户主|房主|姓名|名字|"
    r"某[房号月元费]|你好|谢谢|住在|住|这是|这里|叫|是|为|和|的|了|在|吧|啊|呢|,|:|bind|link|my|name|phone|tel|room|is"
)
_BINDS: Final = regex(r"绑|认证|注册|登记|关联|bind|link|姓名|名字|我叫|业主|户主|本人")
_SPLIT: Final = regex(r"[\s,.;:!?()/+、-]+")
_NOT_NAME_WORDS: Final = (
    "房东 房主 房客 时候 时间 方便 高兴 安全 查询 查账 查账单 查一下 费用 "
    "费吗 全部 全家 任何 何时 常住 成功 成了 都行 都没 来了 来吗 和我 和他 "
    "单元 都是 都绑 车位 车库 明天 明白 应该 解绑 解除 连不上 计费 关于 "
    "金额 余额 文字 官方 管家 管理 管理员 路过 包括 保安 位置 应付 商铺 "
    "商户 花园 小区 简单 原来 原因 宁可 习惯 和爱人 和老婆 和老公 常用 文件 "
    "方式 于是 单位 强制 任意 曾经 盖章 谢谢了 谢了 马上 高层 高楼 白天 "
    "石头 水费 江边 明细 连接 台账 项目 时不时 左边 关闭 封面 应缴 应交 "
    "成员 章子 房子 房本 房产 房产证 房号 房间 房屋 解释 计算 强烈 单独 "
    "安排 金币 常常"
)
_NOT_NAMES: Final = frozenset(_NOT_NAME_WORDS.split())


def find_name(text: str, *, is_addressed: bool) -> str | None:
    """Return the name in a folded text whose unit and phone are masked, or None.

    Without an announcement (我叫) a name is only looked for beside a unit or a phone.
    """
    announced = _ANNOUNCED.search(text)
    if announced and announced["n"] not in _NOT_NAMES:
        return announced["n"]
    beside = _BESIDE.fullmatch(text)
    if beside and parse_name(beside["n"]):
        return beside["n"]
    if not is_addressed or not (_BINDS.search(text) or ("某房" in text and "某号" in text)):
        return None
    return _token_name(text)


def parse_name(text: str) -> str | None:
    """Return a folded text as a name when it is one and nothing else, or None."""
    return text if _WHOLE.fullmatch(text) and text not in _NOT_NAMES else None


def _token_name(text: str) -> str | None:
    """Return the first word left over that is a name."""
    left = _FILLER.sub(" ", text)
    return next((name for name in map(parse_name, _SPLIT.split(left)) if name), None)
