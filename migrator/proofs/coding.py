"""The events of a proof as text, and back: nothing is read that the vocabulary does not allow."""

from __future__ import annotations

import re

import msgspec

from migrator.proofs.vocabulary import AnyEvent, Event

_DECODER = msgspec.json.Decoder(AnyEvent)
_ENCODER = msgspec.json.Encoder(order="deterministic")
_PLACE = re.compile(r"at `\$\.([a-z_0-9]+)")
_LACKING = re.compile(r"Object missing required field `([a-z_0-9]+)`")


class NotAllowedError(Exception):
    """Text is no event of a proof; the sentence repeats nothing of it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def decode(text: bytes | str) -> AnyEvent:
    """Read one event. Raises NotAllowedError for what is not on the allow-list."""
    try:
        event: AnyEvent = _DECODER.decode(text)
    except msgspec.ValidationError as error:
        raise NotAllowedError(_fault(str(error))) from None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise NotAllowedError("is not JSON") from None
    return event


def encode(event: Event) -> bytes:
    """The one way to write an event."""
    return _ENCODER.encode(event)


def _fault(message: str) -> str:
    """Say what is wrong without the words of the text, which could be anybody's."""
    if lacking := _LACKING.match(message):
        return f"lacks the field {lacking[1]}"
    if place := _PLACE.search(message):
        is_event = place[1] == "event"
        return "is no known event" if is_event else f"has a value in the field {place[1]} that is not allowed there"
    return "has a field that its event does not have" if "unknown field" in message else "is not an object"
