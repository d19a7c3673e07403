"""`wuyebot` and `python -m bot` are the same program."""

import gc
import sys

from storage.lazy import load


def main() -> None:
    """Do what was typed. What is loaded stays: the collector does not walk it again and again."""
    gc.disable()
    command = load("bot.cli.main").find(sys.argv[1:])
    gc.freeze()
    gc.enable()
    command()


if __name__ == "__main__":
    main()
