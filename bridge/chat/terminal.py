"""The screen for people: a prompt at the bottom, everything else above it (prompt_toolkit)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app_or_none
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import Style

from bridge.chat.lines import Line
from bridge.chat.shell import Shell
from bridge.chat.state import Chat
from bridge.clock import Clock

REFRESH_SECONDS = 0.5

STYLE = Style.from_dict(
    {
        "number": "ansibrightblack",
        "sender": "ansicyan bold",
        "own": "ansigreen bold",
        "name": "",
        "unread": "ansiyellow bold",
        "quote": "ansibrightblack italic",
        "quiet": "ansibrightblack",
        "notice": "ansibrightblack",
        "complaint": "ansired",
        "rule": "ansibrightblack",
        "title": "bold",
        "prompt": "bold",
        "bottom-toolbar": "noreverse",
        "online": "ansigreen",
        "offline": "ansiyellow",
        "refused": "ansired bold",
    }
)


class TerminalScreen:
    """Prints above the prompt, wrapped to the width the terminal has at that moment."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def show(self, lines: Sequence[Line]) -> None:
        """Print lines.

        Not with run_in_terminal, which gives the keyboard back to the terminal meanwhile: keys pressed just then
        would be echoed into the text, and Ctrl-C would be a signal instead of a key.
        """
        columns = self._output.get_size().columns
        fragments = FormattedText()
        for row in (row for line in lines for row in line.rows(columns)):
            fragments += [*row, ("", "\n")]
        app = get_app_or_none()
        if app is not None and app.is_running:
            app.renderer.erase()
        print_formatted_text(self._output, fragments, STYLE)
        if app is not None and app.is_running and not app.is_done:
            app.renderer.request_absolute_cursor_position()
            app.invalidate()

    def refresh(self) -> None:
        """Draw prompt and toolbar again."""
        app = get_app_or_none()
        if app is not None:
            app.invalidate()


class Words(Completer):
    """Completes commands and names of conversations."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Complete commands and names at the beginning of the line."""
        typed = document.text_before_cursor
        if not typed.startswith("/"):
            return
        for word in self._chat.words():
            if word.casefold().startswith(typed.casefold()):
                yield Completion(word, start_position=-len(typed))


def typed_lines(chat: Chat, clock: Clock) -> partial[AsyncIterator[str]]:
    """Return the source of lines for a shell."""
    return partial(_typed, chat, clock)


async def _typed(chat: Chat, clock: Clock, shell: Shell) -> AsyncIterator[str]:
    """Prompt for lines until Ctrl-C or Ctrl-D."""
    session: PromptSession[str] = PromptSession(
        completer=Words(chat),
        complete_while_typing=False,
        key_bindings=_keys(),
        bottom_toolbar=lambda: FormattedText(chat.toolbar(clock.monotonic())),
        refresh_interval=REFRESH_SECONDS,
        style=STYLE,
        erase_when_done=True,
    )
    while True:
        try:
            yield await session.prompt_async(lambda: FormattedText([("class:prompt", chat.prompt())]))
        except (EOFError, KeyboardInterrupt):  # quiet: the person wants to leave
            return


def _keys() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings
