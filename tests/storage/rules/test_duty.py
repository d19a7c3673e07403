"""Duty hours as people write them, and as they are said again."""

from datetime import time

import pytest

from handlers import words
from storage.rules.duty import Duty, read_duty

ALL = (1, 2, 3, 4, 5, 6, 7)


@pytest.mark.parametrize(
    ("text", "duty"),
    [
        ("每天8:30到17:30", Duty(time(8, 30), time(17, 30), ALL)),
        ("8:30-17:30", Duty(time(8, 30), time(17, 30), ALL)),
        ("每天 08:30–20:30", Duty(time(8, 30), time(20, 30), ALL)),
        ("周一到周五 9点到18点", Duty(time(9), time(18), (1, 2, 3, 4, 5))),
        ("工作日9点到17点半", Duty(time(9), time(17, 30), (1, 2, 3, 4, 5))),
        ("星期一、三、五 9：00至12：00", Duty(time(9), time(12), (1, 3, 5))),
        ("周六、周日10点到16点", Duty(time(10), time(16), (6, 7))),
    ],
)
def test_hours_are_read_and_said_again_alike(text: str, duty: Duty):
    assert read_duty(text) == duty
    assert read_duty(words.duty(duty)) == duty


@pytest.mark.parametrize(
    "text",
    ["", "随时", "9点", "18:00到9:00", "春节9点到10点", "25:00到26:00", "周五到周一9点到10点"],
)
def test_what_says_no_hours_is_refused(text: str):
    with pytest.raises(ValueError, match="hour"):
        read_duty(text)


def test_days_are_said_as_people_say_them():
    assert words.duty(Duty(days=(1, 2, 3, 4, 5))) == "周一到周五8:30到17:30"
    assert words.duty(Duty(days=(6, 7))) == "周六、周日8:30到17:30"
