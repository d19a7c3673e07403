"""Links open one thing for one viewer until a day, and nobody can make one up."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import LinkExpired
from storage.links import Links, PayLink

TODAY = date(2026, 11, 23)
LINKS = Links(b"k" * 32, "https://pay.example/")
LINK = PayLink(7, 9, 3, TODAY)
TOKEN = LINKS.pay_url(LINK).removeprefix("https://pay.example/pay/")


@given(
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.integers(0, 65_535),
    st.dates(TODAY, date(2190, 1, 1)),
)
def test_a_link_leads_back_to_what_it_was_made_for(unit_id, binding_id, epoch, expires_on):
    link = PayLink(unit_id, binding_id, epoch, expires_on)

    token = LINKS.pay_url(link).rsplit("/", 1)[1]

    assert LINKS.read_pay(token, today=TODAY) == link


def test_a_link_ends_with_its_day():
    assert LINKS.read_pay(TOKEN, today=TODAY) == LINK
    with pytest.raises(LinkExpired):
        LINKS.read_pay(TOKEN, today=TODAY + timedelta(days=1))


def test_i02_the_counters_link_is_one_persons_on_one_day_and_nothing_else():
    token = LINKS.counter_url(7, day=TODAY).rsplit("/", 1)[1]

    assert LINKS.read_counter(token, today=TODAY) == 7
    for day in (TODAY + timedelta(days=1), TODAY - timedelta(days=1)):
        with pytest.raises(LinkExpired):
            LINKS.read_counter(token, today=day)
    for other in (TOKEN, LINKS.receipt_token(7), token[:-1] + ("A" if token[-1] != "A" else "B")):
        with pytest.raises(LinkExpired):
            LINKS.read_counter(other, today=TODAY)


@pytest.mark.parametrize("at", range(len(TOKEN)))
def test_i01_a_token_with_one_sign_changed_opens_nothing(at):
    for other in "Aa0_":
        forged = TOKEN[:at] + other + TOKEN[at + 1 :]
        if forged == TOKEN:
            continue
        with pytest.raises(LinkExpired):
            LINKS.read_pay(forged, today=TODAY)


@pytest.mark.parametrize(
    "forged",
    ["", "=", "é", TOKEN[:-1], TOKEN + "A", TOKEN + "=", TOKEN + "!", "!" + TOKEN, TOKEN + "\n",
     TOKEN * 2, "A" * len(TOKEN), "🙂", "\ud800"],
)  # fmt: skip
def test_i01_what_is_not_letter_for_letter_our_token_opens_nothing(forged):
    with pytest.raises(LinkExpired):
        LINKS.read_pay(forged, today=TODAY)


@given(st.text(max_size=80))
def test_no_text_makes_the_reader_stumble(token):
    with pytest.raises(LinkExpired):
        LINKS.read_receipt(token)


def test_a_token_of_one_purpose_is_none_of_another():
    receipt = LINKS.receipt_token(7)

    assert LINKS.read_receipt(receipt) == 7
    with pytest.raises(LinkExpired):
        LINKS.read_pay(receipt, today=TODAY)
    with pytest.raises(LinkExpired):
        LINKS.read_receipt(TOKEN)


def test_a_token_of_another_key_opens_nothing():
    with pytest.raises(LinkExpired):
        Links(b"j" * 32, "").read_pay(TOKEN, today=TODAY)


@pytest.mark.parametrize("secret", [b"", b"k" * 31])
def test_a_short_secret_is_refused(secret):
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Links(secret, "")
