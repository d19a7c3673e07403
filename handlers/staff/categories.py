"""What a broadcast is about (群发类别): guessed from its words, and said by one of four words."""

from typing import Final

from storage.kinds import BroadcastCategory

LABELS: Final = {
    BroadcastCategory.NOTICE: "普通通知",
    BroadcastCategory.ACTIVITY: "活动通知",
    BroadcastCategory.URGENT: "紧急通知",
    BroadcastCategory.LEGAL: "法定通知",
}
MEANS: Final = {
    BroadcastCategory.NOTICE: "夜间不打扰",
    BroadcastCategory.ACTIVITY: "夜间不打扰，住户可以单独关掉",
    BroadcastCategory.URGENT: "夜间也送达",
    BroadcastCategory.LEGAL: "夜间不打扰，关了通知的住户也会收到",
}
BY_WORD: Final = {label.removesuffix("通知"): one for one, label in LABELS.items()}
_URGENT: Final = ("紧急", "停水", "停电", "停气", "停暖", "停热")
_ACTIVITY: Final = ("活动", "联欢", "比赛", "团购", "义诊", "讲座")


def category_of(text: str) -> BroadcastCategory:
    """Guess what a text is about; who sends it may say otherwise."""
    if any(word in text for word in _URGENT):
        return BroadcastCategory.URGENT
    is_activity = any(word in text for word in _ACTIVITY)
    return BroadcastCategory.ACTIVITY if is_activity else BroadcastCategory.NOTICE
