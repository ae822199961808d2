"""Which characters are let in, and how those that nobody can see are shown.

Character classes come from the Unicode Character Database by way of the `regex` module:
Default_Ignorable_Code_Point (Annex #44) is what a renderer leaves out, Extended_Pictographic (Technical
Standard #51) is what emoji are made of.
"""

import regex

from memviz.encoding.sequence import EncodingError

_WHITE_SPACE = {" ": "␣", "\n": "↵", "\t": "⇥"}
_NEWLINE = regex.compile(r"\r\n?")
_SURROGATE = regex.compile(r"[\ud800-\udfff]")
_CONTROL = regex.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

# Invisible characters at their work stay: joiners and selectors inside an emoji, the tags of a regional flag,
# joiners that shape letters of scripts that need them. Anywhere else they only hide, and so are shown.
_AT_WORK = r"""
      (?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]) \u200d (?=\p{Extended_Pictographic})
    | (?<=\p{Extended_Pictographic}) [\ufe0e\ufe0f]
    | (?<=[\#*0-9]) \ufe0f (?=\u20e3)
    | (?<=\U0001f3f4[\U000e0020-\U000e007e]*) [\U000e0020-\U000e007f]
    | (?<=[[\p{L}\p{M}]--[\p{Latin}\p{Inherited}]]) [\u200c\u200d\u180b-\u180d\u180f]
"""
# Unassigned and private code points have no glyph to count on. But an unassigned pictograph is an emoji newer
# than these tables, and Arabic's prepended number signs are format characters with a glyph.
_UNSEEN = (
    r"[[\p{Default_Ignorable_Code_Point}\p{White_Space}\p{Cf}\p{Cc}\p{Cs}\p{Co}\p{Cn}\u2800]"
    r"--[\p{Extended_Pictographic}\p{Grapheme_Cluster_Break=Prepend}]]"
)
_AT_WORK_OR_UNSEEN = regex.compile(f"(?P<at_work>{_AT_WORK}) | {_UNSEEN}", regex.VERBOSE | regex.VERSION1)
_MARK = regex.compile(r"\p{M}")
_DOTTED_CIRCLE = "◌"


def check_text(text: object, max_bytes: int) -> None:
    """Refuse what is no text, too long, or holds control characters; cheap for a text of any length.

    Args:
        text: what arrived.
        max_bytes: the most bytes of UTF-8.

    Raises:
        EncodingError: with the code point and its position, in code points from 1, where there is one.
    """
    if not isinstance(text, str):
        raise EncodingError(f"Text is a str; got a {type(text).__name__}.")
    if len(text) > max_bytes:  # before anything reads the text: a code point is a byte or more
        raise EncodingError(f"Enter at most {max_bytes:,} bytes; got {len(text):,} characters.")
    if found := _SURROGATE.search(text):
        raise EncodingError(f"This is not valid text: a lone surrogate, {_place(found)}.")
    if found := _CONTROL.search(text):
        raise EncodingError(f"Enter no control characters but tab and newline; got {_place(found)}.")
    if (size := len(text.encode())) > max_bytes:
        raise EncodingError(f"Enter at most {max_bytes:,} bytes; got {size:,}.")


def one_kind_of_newline(text: str) -> str:
    """The text with each line break, of whatever platform, as one newline."""
    return _NEWLINE.sub("\n", text)


def visible(text: str, keep_spaces: bool = False) -> str:
    """The text with everything that cannot be seen made visible.

    White space is "␣" (or stays a space), "↵" or "⇥"; another unseen character is its code point, "U+202E"
    when it stands alone and "⟨U+202E⟩" among others. A mark without a base sits on a dotted circle.
    """
    if text.isascii() and text.isprintable() and (keep_spaces or " " not in text):
        return text

    def replace(found: "regex.Match[str]") -> str:
        character = found[0]
        if found["at_work"] or (keep_spaces and character == " "):
            return character
        code = _WHITE_SPACE.get(character) or _code_point(character)
        return f"⟨{code}⟩" if len(code) > 1 and len(text) > 1 else code

    result: str = _AT_WORK_OR_UNSEEN.sub(replace, text)
    return _DOTTED_CIRCLE + result if _MARK.match(result) else result


def shown(text: str, most: int = 40) -> str:
    """What arrived, for a message: visible, in quotes, and cut to `most` characters."""
    result = visible(text[: most + 1], keep_spaces=True)
    if len(text) > most or len(result) > most:
        result = result[: most - 1] + "…"
    return f'"{result}"'


def _place(found: "regex.Match[str]") -> str:
    return f"{_code_point(found[0])} at position {found.start() + 1:,}"


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"
