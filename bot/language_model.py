"""A language model behind an OpenAI-compatible address: one call, a short answer, or none."""

import json
from collections.abc import Mapping
from dataclasses import field
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from storage.errors import LanguageModelUnavailable
from storage.frozen import dataclass

MOST_BYTES: Final = 32 * 1024
MOST_TOKENS: Final = 120
LONGEST_SECONDS: Final = 2.5
"""WeChat waits for five, and the answer itself takes a part of them."""


@dataclass(frozen=True, slots=True)
class Config:
    """[understanding.language_model]: absent means off."""

    url: str
    """Up to and without "/chat/completions"."""
    model: str
    key: str = field(default="", repr=False)
    timeout_seconds: float = 1.5

    def __post_init__(self) -> None:
        """Refuse what could not work, or would send words in the open. Raises ValueError."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
            raise ValueError(f"url: {self.url} is no address such as https://host/v1")
        if parts.scheme == "http" and not _is_near(parts.hostname):
            raise ValueError("url: only https leaves the house")
        if not self.model.strip():
            raise ValueError("model: which one?")
        if not 0.2 <= self.timeout_seconds <= LONGEST_SECONDS:
            raise ValueError(f"timeout_seconds: between 0.2 and {LONGEST_SECONDS}")


def _is_near(host: str) -> bool:
    """Tell whether a host is this machine or one of our own network."""
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost"


class LanguageModel:
    """The model of a configuration."""

    def __init__(self, config: Config, http: ClientSession) -> None:
        """Speak to it through these ways out."""
        self._config = config
        self._http = http

    async def complete(self, instructions: str, said: str, schema: Mapping[str, Any]) -> str:
        """Return what the model says. Raises LanguageModelUnavailable."""
        asked = {
            "model": self._config.model,
            "temperature": 0,
            "max_tokens": MOST_TOKENS,
            "messages": [
                {"role": "system", "content": instructions},
                {"role": "user", "content": json.dumps({"message": said}, ensure_ascii=False)},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "label", "strict": True, "schema": schema},
            },
        }
        try:
            return _content(await self._post(asked))
        except (ClientError, OSError, TimeoutError) as trouble:
            raise LanguageModelUnavailable(type(trouble).__name__) from trouble
        except (ValueError, RecursionError) as trouble:
            raise LanguageModelUnavailable("unreadable") from trouble

    async def _post(self, asked: Mapping[str, Any]) -> bytes:
        headers = {"Authorization": f"Bearer {self._config.key}"} if self._config.key else {}
        async with self._http.post(
            f"{self._config.url.rstrip('/')}/chat/completions",
            json=asked,
            headers=headers,
            allow_redirects=False,
            timeout=ClientTimeout(total=self._config.timeout_seconds),
        ) as answer:
            if answer.status != 200:
                raise LanguageModelUnavailable(f"http {answer.status}")
            body = b""
            async for part in answer.content.iter_any():
                body += part
                if len(body) > MOST_BYTES:
                    raise LanguageModelUnavailable("too long")
            return body


def _content(body: bytes) -> str:
    """Return the text of the first choice. Raises ValueError for another shape."""
    match json.loads(body):
        case {"choices": [{"message": {"content": str(content)}}, *_]}:
            return content
    raise ValueError("no choice")
