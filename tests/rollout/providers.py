"""Providers of a team's own, good and bad, as a setting names them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata

from bridge.rollout.provider import FLAG


class OwnProvider(AbstractProvider):
    """Answers what a test wants."""

    def __init__(self, answer: object = "bridge") -> None:
        super().__init__()
        self.answer = answer
        self.asked: list[EvaluationContext] = []
        self.blocked = asyncio.Event()
        self.blocked.set()
        self.reached = asyncio.Event()

    def get_metadata(self) -> Metadata:
        """Return a name."""
        return Metadata("own")

    async def resolve_string_details_async(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Answer, unless the test holds it up."""
        self.reached.set()
        await self.blocked.wait()
        return self.resolve_string_details(flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Give the answer, or fail."""
        assert flag_key == FLAG
        assert evaluation_context is not None
        self.asked.append(evaluation_context)
        if isinstance(self.answer, Exception):
            raise self.answer
        return FlagResolutionDetails(self.answer)  # type: ignore[arg-type]  # some tests want a wrong one

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001  # the SDK's signature
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Not asked for."""
        raise NotImplementedError

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Not asked for."""
        raise NotImplementedError

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Not asked for."""
        raise NotImplementedError

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Not asked for."""
        raise NotImplementedError

    def change_its_mind(self, answer: str) -> None:
        """Answer otherwise from now on, and say so."""
        self.answer = answer
        self.emit_provider_configuration_changed(ProviderEventDetails())


class Broken(OwnProvider):
    """Never gets ready."""

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Fail."""
        raise ConnectionError("the vendor is away")


class Slow(OwnProvider):
    """Takes its time to get ready."""

    def initialize(self, evaluation_context: EvaluationContext) -> None:
        """Wait for what does not come."""
        threading.Event().wait(5)


class Unhashable(OwnProvider):
    """Equal to others, and so of no use as a key; the SDK keeps providers by key."""

    __hash__ = None  # type: ignore[assignment]  # that is the point


def make() -> OwnProvider:
    """Make a provider."""
    return OwnProvider()


def fail() -> OwnProvider:
    """Fail instead."""
    raise ZeroDivisionError


def make_something_else() -> object:
    """Make no provider."""
    return {"path": "bridge"}


NOT_CALLABLE = 3
