"""The chat as a value that events change: each method is an event and returns what is to be done. No I/O, no await."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import tzinfo

from msgspec import Struct

from bridge.chat import commands
from bridge.chat.effects import Effect, LoadList, LoadNewest, LoadOlder, LogInAgain, Quit, Send, show
from bridge.chat.lines import Line, Row, complaint, notice, title
from bridge.chat.listing import Listing
from bridge.chat.messages import excerpt, sender_name
from bridge.chat.outgoing import Outgoing
from bridge.chat.status import Status, toolbar
from bridge.chat.text import one_line, plain
from bridge.chat.view import View
from bridge.client import MessagesLoaded
from bridge.recent import Recent
from bridge.rows import ConversationRow, MessageRow, UserRow

SEEN_ELSEWHERE = 2_000


class Reader(Struct, frozen=True, kw_only=True):
    """What the chat is told about its reader."""

    fresh_key: Callable[[], str]
    zone: tzinfo | None = None
    first: str | None = None
    """The conversation to open at once, by number or name."""
    is_present: bool = True
    """Whether somebody is there who can mend a refused login."""


class Chat:
    """Who we are, what is open, what waits to be sent."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._first = reader.first
        self._me: UserRow | None = None
        self._listing = Listing()
        self._view: View | None = None
        self._list_asked = True
        self._has_list = False
        self._strangers: list[MessageRow] = []
        self._announced: Recent[str, bool] = Recent(SEEN_ELSEWHERE)
        self._outgoing = Outgoing(reader.fresh_key)
        self.status = Status()

    # What the connection says.

    def online(self, user: UserRow) -> list[Effect]:
        """Be let in: read again everything that may have changed meanwhile."""
        came_back = self._me is not None
        self._me = user
        self.status.online()
        hello = notice("connected again") if came_back else notice(f"You are {_person(user)}. /help explains.")
        effects = [*show(hello), LoadList()]
        if self._view:
            self._view.is_loading = True
            effects.append(LoadNewest(self._view.conversation_id))
        return effects

    def offline(self, reason: str, retry_at: float) -> list[Effect]:
        """Lose the connection; a first one that fails is not waited for."""
        if self._me is None:
            return [Quit(1, (complaint(_sentence(reason)),))]
        was_online = self.status.is_online
        self.status.offline(retry_at)
        return show(notice(f"connection lost: {plain(reason)}; trying to come back")) if was_online else []

    def refused(self, reason: str) -> list[Effect]:
        """Not be let in."""
        self.status.refused(reason)
        line = complaint(f"Not logged in: {_sentence(reason)}")
        if not self._reader.is_present:
            return [Quit(1, (line,))]
        return show(line, notice("/login reads the token again and tries once more."))

    def arrived(self, message: MessageRow) -> list[Effect]:
        """Take a message that somebody sent, here or elsewhere, oneself included."""
        if self._view and self._opened_id == message.conversation_id:
            if message.sender_id != self._my_id and not self._view.knows(message.id):
                self._listing.count(message.conversation_id)
                self._listing.read(message.conversation_id)
            return show(*self._view.add(message, self._my_id))
        if message.sender_id == self._my_id or message.id in self._announced:
            return []
        if message.conversation_id not in self._listing:
            self._strangers = [*self._strangers[-9:], message]
            return [LoadList()]
        self._listing.count(message.conversation_id)
        return show(self._announcement(message))

    # What was asked for.

    def listed(self, rows: Iterable[ConversationRow]) -> list[Effect]:
        """Take the list of conversations."""
        self._has_list = True
        self._listing.replace(rows)
        if self._view:
            self._listing.read(self._view.conversation_id)
        strangers, self._strangers = self._strangers, []
        effects = show(*self._listing.lines(self._opened_id)) if self._list_asked else []
        self._list_asked = False
        known = [message for message in strangers if message.conversation_id in self._listing]
        effects += show(*(self._announcement(message) for message in known))
        first, self._first = self._first, None
        return effects + self._open(first) if first else effects

    def newest(self, conversation_id: str, page: MessagesLoaded) -> list[Effect]:
        """Take the newest messages of a conversation."""
        if not self._view or self._opened_id != conversation_id:
            return []  # another one has been opened meanwhile
        is_first = self._view.oldest_id is None
        lines = self._view.newest(page, self._my_id)
        if is_first:
            lines += self._introduction()
        return show(*lines)

    def older(self, conversation_id: str, page: MessagesLoaded) -> list[Effect]:
        """Take older messages of a conversation."""
        if not self._view or self._opened_id != conversation_id:
            return []
        return show(*self._view.older(page, self._my_id))

    def sent(self, send: Send, message: MessageRow) -> list[Effect]:
        """Know that a message is written."""
        self._outgoing.confirm(send)
        if self._view and self._opened_id == message.conversation_id:
            return show(*self._view.add(message, self._my_id))
        return show(notice(f"sent to {self._listing.name(message.conversation_id)}"))

    def not_sent(self, send: Send, reason: str) -> list[Effect]:
        """Know that a message was refused, or not know what became of it."""
        self._outgoing.fail(send)
        said = excerpt(send.content, columns=40)
        return show(complaint(f"Not sent: {said}"), complaint(f"{_sentence(reason)} /retry tries again."))

    def not_loaded(self, what: LoadList | LoadNewest | LoadOlder, reason: str, *, is_lost: bool) -> list[Effect]:
        """Know that something could not be read; what is read again at the next connection needs no words."""
        waiting: list[Line] = []
        if isinstance(what, LoadNewest) and self._view and self._opened_id == what.conversation_id:
            waiting = self._view.give_up_loading(self._my_id)
        if is_lost and not isinstance(what, LoadOlder):
            return show(*waiting)
        return show(*waiting, complaint(_sentence(reason)))

    # What is typed.

    def typed(self, line: str) -> list[Effect]:
        """Do what the reader says."""
        command = commands.parse(line)
        match command:
            case commands.Say(content):
                return self._say(content, None)
            case commands.Reply(number, content):
                return self._reply(number, content)
            case commands.Open(target):
                return self._open(target)
            case commands.Mistake(text):
                return show(complaint(text))
            case None:
                return []
            case _:
                return self._plain_command(command)

    def _plain_command(self, command: commands.Command) -> list[Effect]:
        match command:
            case commands.ListConversations():
                self._list_asked = True
                return [LoadList()]
            case commands.More():
                return self._more()
            case commands.Retry():
                return self._retry()
            case commands.LogIn():
                return show(notice("You are connected.")) if self.status.is_online else [LogInAgain()]
            case commands.Help():
                return show(*(Line((("class:name", f"  {name:<18}"),), text) for name, text in commands.HELP))
            case _:
                return self.leave()

    def leave(self) -> list[Effect]:
        """End, and say what is left undone."""
        undone = self._outgoing.undone
        if not undone:
            return [Quit(0)]
        return [Quit(1, (complaint(f"Not confirmed by the server: {undone} of your messages."),))]

    # What is shown beside the lines.

    def toolbar(self, now: float) -> Row:
        """Return the line of state at the bottom."""
        opened = self._listing.name(self._view.conversation_id) if self._view else None
        me = one_line(self._me.display_name or self._me.username, columns=24) if self._me else None
        return toolbar(
            self.status, now, me=me, opened=opened, unread=self._listing.all_unread, unsent=self._outgoing.waiting
        )

    def prompt(self) -> str:
        """Return what stands before the input."""
        return f"{self._listing.name(self._view.conversation_id)}> " if self._view else "> "

    def words(self) -> list[str]:
        """Return what can be completed at the beginning of a line."""
        return [*commands.BEGINNINGS, *(f"/open {name}" for name in self._listing.names())]

    @property
    def _my_id(self) -> str:
        return self._me.id if self._me else ""

    @property
    def _opened_id(self) -> str | None:
        return self._view.conversation_id if self._view else None

    def _say(self, content: str, reply_to_id: str | None) -> list[Effect]:
        if not self._view:
            return show(complaint("Open a conversation first: /open N. /list shows yours."))
        send = self._outgoing.add(self._view.conversation_id, content, reply_to_id)
        return show(complaint(send)) if isinstance(send, str) else [send]

    def _reply(self, number: int, content: str) -> list[Effect]:
        original = self._view.numbered(number) if self._view else None
        if original is None:
            return show(complaint(f"There is no message #{number} in the open conversation."))
        return self._say(content, original.id)

    def _open(self, target: str) -> list[Effect]:
        if not self._has_list:
            return show(complaint("The list of conversations is not here yet."))
        found = self._listing.find(target)
        if isinstance(found, Line):
            return show(found)
        self._view = View(found, self._reader.zone)
        self._listing.read(found)
        return [*show(title(self._listing.name(found))), LoadNewest(found)]

    def _more(self) -> list[Effect]:
        if not self._view:
            return show(complaint("Open a conversation first: /open N. /list shows yours."))
        if not self._view.has_older or self._view.oldest_id is None:
            return show(notice("There are no older messages."))
        return [LoadOlder(self._view.conversation_id, self._view.oldest_id)]

    def _retry(self) -> list[Effect]:
        again = self._outgoing.retry()
        return [*again] if again else show(notice("Nothing failed."))

    def _introduction(self) -> list[Line]:
        if self._view and self._view.oldest_id is None:
            return [notice("Nobody has written here yet.")]
        return [notice("/more shows older messages.")] if self._view and self._view.has_older else []

    def _announcement(self, message: MessageRow) -> Line:
        self._announced.put(message.id, True)  # a set that forgets
        where = message.conversation_id
        sender, name = sender_name(message), self._listing.name(where)
        place = "" if sender == name else f" in {name}"  # a direct conversation is called like its other person
        count = self._listing.unread(where)
        return notice(f"{sender}{place} ({count} unread)  /open {self._listing.number(where)}")


def _person(user: UserRow) -> str:
    name = one_line(user.display_name, columns=40)
    username = one_line(user.username, columns=40)
    return f"{name} ({username})" if name and name != username else username


def _sentence(text: str) -> str:
    words = plain(text).strip().rstrip(".")
    first = words.partition(" ")[0]
    return f"{words[:1].upper() if first.isalpha() else words[:1]}{words[1:]}."
