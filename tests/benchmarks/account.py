"""The imagined official account; loads nothing, for the peer's start is measured too."""

TOKEN = "benchtoken"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
APP_ID = "wxbench000000000001"
APP_SECRET = "benchsecretbenchsecretbenchsecre"
ORIGINAL_ID = "gh_bench0000001"


def echo(person: str) -> str:
    """Return what the peers answer, from memory."""
    return f"您好，{person}：您的账单已经收到。"
