"""`wuyebot` and `python -m bot` are the same program."""

from bot.cli.main import main

if __name__ == "__main__":
    main()

__all__ = ["main"]
