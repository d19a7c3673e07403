"""Binding: wrong details reveal nothing, five tries lock, and a steward can let somebody in."""

from tests.scenarios.acting import Demo


def test_wrong_details_never_reveal_which_part_is_wrong(demo: Demo):
    row = demo.untaken()
    unit, name, phone = row["unit_label"], row["name"], row["phone"]
    claims = [
        ("3栋2单元9901", name, phone),
        (unit, "王不对", phone),
        (unit, name, "13900009999"),
        ("3栋2单元9902", "王不对", "13900009999"),
    ]

    answers = {
        demo.say(demo.stranger(), f"绑定 {of_unit} {of_name} {of_phone}")
        for of_unit, of_name, of_phone in claims
    }

    assert len(answers) == 1
    assert "没对上" in answers.pop()


def test_five_tries_lock_the_person_for_a_quarter_of_an_hour_even_with_the_right_details(
    demo: Demo,
):
    row, openid = demo.untaken(), demo.stranger()
    for last in range(5):
        said = demo.say(openid, f"绑定 {row['unit_label']} {row['name']} 1390000999{last}")
        assert "没对上" in said

    assert "暂停" in demo.bind(openid, row)
    demo.advance(minutes=16)
    assert "绑定成功" in demo.bind(openid, row)


def test_who_cannot_prove_it_applies_and_hears_days_later_once_she_writes(demo: Demo):
    row, openid, steward = demo.untaken(), demo.stranger(), demo.staff("steward")
    demo.say(openid, f"绑定 {row['unit_label']} {row['name']} 13900009999")
    assert "交给管家" in demo.say(openid, "申请")
    demo.advance(days=3)
    mark = demo.mark(openid)

    waiting = demo.say(steward, "绑定申请")
    number = waiting.split("同意绑定 ")[1].split("”")[0]
    assert "已同意" in demo.say(steward, f"同意绑定 {number}")
    demo.advance(minutes=10)
    # Nothing reaches her: 48 hours are over, and no template is for this.
    assert demo.inbox(openid, mark) == []

    demo.say(openid, "你好")

    assert row["unit_label"] in demo.heard(openid, mark, row["unit_label"])
    assert "待缴" in demo.say(openid, "我欠多少")
