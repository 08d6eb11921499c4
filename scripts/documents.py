"""`scripts/docs`: writes the parts of documents that are made from the registries; the rest is written by hand.

A part stands between `<!-- made by scripts/docs: WHAT -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from bridge import models
from bridge.actions import (
    account,
    groups,
    loading,
    metadata,
    people_meant,
    receipts,
    recipients,
    searching,
    sending,
)
from bridge.auth import MAX_TOKEN_LENGTH
from bridge.authentication import MAX_NAME_CHARACTERS
from bridge.capabilities import Capability
from bridge.errors import CloseCode, ErrorCode, Fault
from bridge.protocol import ErrorPayload
from bridge.serving import WIRE_FRAMES_OF_A_FRAME
from bridge.settings import Settings
from bridge.specification.commands import COMMANDS
from bridge.specification.examples import EXAMPLES
from bridge.specification.messages import PUSHES_BY_NAME, Shapes
from bridge.specification.reading import Field, fields_of
from bridge.specification.schemas import JsonObject
from bridge.specification.wording import first_sentence, for_client_authors
from bridge.typing_state import ENDS_AFTER_SECONDS
from migration.parity import OldSide
from scripts import migration_tables

DOCS: Final = Path(__file__).parents[1] / "docs"
PROTOCOL: Final = DOCS / "protocol.md"
DOCUMENTS: Final = (PROTOCOL, *(DOCS / f"migration-{name}.md" for name in ("doctor", "check", "fix", "parity")))

_PART: Final = re.compile(r"(<!-- made by scripts/docs: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)
_SHAPES: Final = Shapes(COMMANDS.values(), PUSHES_BY_NAME.values())


class NoSuchPart(Exception):
    """A document asks for a part that nothing makes, or for a type that is gone."""


def main(*paths: Path) -> int:
    """Write the parts that have changed, and say so."""
    for path in paths:
        text = path.read_text(encoding="utf-8")
        made = with_parts(text)
        if made != text:
            path.write_text(made, encoding="utf-8")
            print(f"wrote {path.name}")
    return 0


def with_parts(text: str) -> str:
    """Return a document with every part as it has to be.

    Raises:
        NoSuchPart: one of them cannot be made.

    """
    return _PART.sub(lambda found: f"{found[1]}\n{_part(found[2])}\n\n{found[3]}", text)


def _part(what: str) -> str:
    kind, _, name = what.partition(" ")
    if kind == "about" and name in (COMMANDS | PUSHES_BY_NAME):
        return _about(name)
    if kind == "command" and name in COMMANDS:
        return _command(name)
    if kind == "push" and name in PUSHES_BY_NAME:
        return _push(name)
    if what in _TABLES:
        return _TABLES[what]()
    raise NoSuchPart(what)


def _about(name: str) -> str:
    if name in COMMANDS:
        return for_client_authors(COMMANDS[name].description)
    push = PUSHES_BY_NAME[name]
    asked = "Every client gets it." if push.capability is None else f"Only with the capability `{push.capability}`."
    return f"{for_client_authors(push.description)} {asked}"


def _command(name: str) -> str:
    command = COMMANDS[name]
    errors = _errors(command.errors) if command.errors else "It is never refused."
    return "\n\n".join(
        [
            f"Payload:\n\n{_fields(_SHAPES.schema_of(command.request))}",
            f"Answer `{command.reply}`:\n\n{_fields(_SHAPES.schema_of(command.result))}",
            f"Errors, in the order in which they are looked at:\n\n{errors}" if command.errors else errors,
            *_examples(name),
        ]
    )


def _push(name: str) -> str:
    payload = _fields(_SHAPES.schema_of(PUSHES_BY_NAME[name].payload))
    return "\n\n".join([f"Payload:\n\n{payload}", *_examples(name)])


def _examples(name: str) -> list[str]:
    made = []
    for one in EXAMPLES.get(name, ()):
        sent = "" if one.command is None else f"> {one.command}\n"
        made.append(f"Example, {one.title}:\n\n```\n{sent}< {one.answer}\n```")
    return made


def _fields(schema: JsonObject) -> str:
    fields = fields_of(schema)
    return _table(("field", "kind", "note"), map(_row, fields)) if fields else "No fields."


def _row(field: Field) -> Sequence[str]:
    optional = "" if field.is_required else " (optional)"
    return f"`{field.name}`{optional}", _linked(field.kind), field.note


def _linked(kind: str) -> str:
    """Return a kind with links to the objects that it names, which alone begin with a capital letter."""
    return re.sub(r"\b[A-Z]\w+", lambda found: f"[{found[0]}](#{found[0].lower()})", kind)


def _errors(faults: Iterable[Fault]) -> str:
    return _table(("code", "text"), ((f"`{fault.code.value}`", fault.text) for fault in faults))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)


def _commands() -> str:
    rows = (
        (f"[`{name}`](#{name})", f"`{one.reply}`", first_sentence(for_client_authors(one.description)))
        for name, one in COMMANDS.items()
    )
    return _table(("command", "answer", "what it is for"), rows)


def _pushes() -> str:
    rows = (
        (
            f"[`{name}`](#{name})",
            "" if one.capability is None else f"`{one.capability}`",
            first_sentence(for_client_authors(one.description)),
        )
        for name, one in PUSHES_BY_NAME.items()
    )
    return _table(("push", "capability", "what it tells"), rows)


def _capabilities() -> str:
    brought = {
        one: [f"`{name}`" for name, push in PUSHES_BY_NAME.items() if push.capability is one] for one in Capability
    }
    none = "none; see [Reconnecting](#reconnecting)"
    return _table(("capability", "pushes"), ((f"`{one}`", ", ".join(names) or none) for one, names in brought.items()))


def _objects() -> str:
    return "\n\n".join(f"### {name}\n\n{_object(schema)}" for name, schema in _SHAPES.objects().items())


def _object(schema: JsonObject) -> str:
    text = str(schema.get("description", ""))
    if "enum" in schema:
        return f"{text}\n\n{', '.join(f'`{one}`' for one in cast('list[object]', schema['enum']))}"
    return f"{text}\n\n{_fields(schema)}"


def _error_codes() -> str:
    return _table(("code", "when", "what to do"), ((f"`{one.value}`", one.when, one.advice) for one in ErrorCode))


def _close_codes() -> str:
    return _table(("code", "when", "what to do"), ((str(int(one)), one.when, one.advice) for one in CloseCode))


def _refusal() -> str:
    return "\n\n".join([_fields(_SHAPES.schema_of(ErrorPayload)), *_examples("error")])


def _limits() -> str:
    setting = {name: (field.validation_alias, field.default) for name, field in Settings.model_fields.items()}

    def by(name: str, unit: str) -> str:
        variable, default = setting[name]
        return (
            f"{default:g} {unit} (`{variable}`)" if isinstance(default, float) else f"{default} {unit} (`{variable}`)"
        )

    rows = (
        ("a frame", by("max_frame_characters", "characters"), "closed with 1009"),
        ("frames sent, for ever", by("frames_per_second", "a second"), "closed with 4028"),
        ("frames sent at once after a rest", by("frames_burst", "frames"), "closed with 4028"),
        ("the same for all connections of a user", by("user_frames_per_second", "a second"), "closed with 4028"),
        ("… at once after a rest", by("user_frames_burst", "frames"), "closed with 4028"),
        (
            "pings, pongs and pieces of messages, of one connection",
            f"{WIRE_FRAMES_OF_A_FRAME} times as many",
            "closed with 4028",
        ),
        ("connections of a user", by("max_connections_per_user", "connections"), "the oldest is closed with 4500"),
        (
            "connections from an address (IPv6: a /64 network)",
            by("max_connections_per_address", "connections"),
            "handshake answered with 429",
        ),
        ("connections to a bridge", by("max_connections", "connections"), "handshake answered with 503"),
        ("commands waiting for their turn", by("max_waiting_commands", "commands"), "closed with 4029"),
        ("frames waiting to be read", by("outbox_max_frames", "frames"), "closed with 4008"),
        ("the same in size", by("outbox_max_bytes", "characters"), "closed with 4008"),
        ("time to authenticate", by("auth_deadline_seconds", "seconds"), "closed with 4003"),
        ("a peer from which nothing comes", by("silence_limit_seconds", "seconds"), "dropped"),
        ("an access token", f"{MAX_TOKEN_LENGTH} characters", "INVALID_TOKEN"),
        (
            "messages of a page",
            f"{loading.DEFAULT_PAGE} unless asked for, {loading.MAX_PAGE} at most",
            "fewer are given",
        ),
        ("`metadata`", f"{metadata.MAX_METADATA_BYTES} bytes, {metadata.MAX_METADATA_DEPTH} levels", "INVALID_DATA"),
        ("`clientMessageId`", f"{sending.MAX_CLIENT_MESSAGE_ID_CHARACTERS} characters", "INVALID_DATA"),
        ("a message's text, each sealed copy", "a frame", "closed with 1009"),
        ("a conversation's or group's name", f"{models.MAX_NAME_CHARACTERS} characters", "INVALID_DATA"),
        ("a group's description", f"{models.MAX_DESCRIPTION_CHARACTERS} characters", "INVALID_DATA"),
        ("an invite code", f"{groups.MAX_CODE_CHARACTERS} characters", "INVALID_DATA"),
        ("`bio`", f"{account.MAX_BIO_CHARACTERS} characters", "INVALID_DATA"),
        ("`website`", f"{account.MAX_WEBSITE_CHARACTERS} characters", "INVALID_DATA"),
        ("a text to search for", f"{searching.MAX_QUERY_CHARACTERS} characters", "nobody is found"),
        ("name and version of a client", f"{MAX_NAME_CHARACTERS} characters", "cut"),
        ("sealed copies of a message", f"{recipients.MAX_RECIPIENTS}", "INVALID_ENCRYPTED_CONTENTS"),
        ("people of a new conversation", f"{people_meant.MAX_PARTICIPANTS}", "INVALID_DATA"),
        ("messages marked as read at once", f"{receipts.MAX_AT_ONCE}", "INVALID_DATA"),
        ("silence that ends typing", f"{ENDS_AFTER_SECONDS:g} seconds", "told as `typing_update`"),
    )
    return _table(("what", "limit", "beyond it"), rows)


_TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "commands": _commands,
    "pushes": _pushes,
    "capabilities": _capabilities,
    "objects": _objects,
    "refusal": _refusal,
    "error codes": _error_codes,
    "close codes": _close_codes,
    "limits": _limits,
    "looks": lambda: _table(*migration_tables.looks()),
    "checks": lambda: _table(*migration_tables.checks()),
    "repairs": lambda: _table(*migration_tables.repairs()),
    "comparisons": lambda: _table(*migration_tables.comparisons(OldSide.POSTGREST)),
    "declared differences": lambda: _table(*migration_tables.declared_differences(OldSide.POSTGREST)),
    "comparisons of endpoints": lambda: _table(*migration_tables.comparisons(OldSide.REST)),
    "declared differences of endpoints": lambda: _table(*migration_tables.declared_differences(OldSide.REST)),
}

if __name__ == "__main__":
    sys.exit(main(*DOCUMENTS))
