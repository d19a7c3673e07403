"""Written demands (书面催告函): an A4 page that stands alone, for a letter that was approved."""

from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from handlers import words
from storage import money
from storage.operations.dunning import Letter

TEMPLATES: Final = Path(__file__).parent / "templates"


def render_letter(letter: Letter) -> str:
    """Return the letter as a document to be printed; no name and no phone of a resident on it."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        yuan=money.yuan, capitals=money.capitals, month=words.period, day=words.day
    )
    return environment.get_template("letter.html").render(letter=letter)
