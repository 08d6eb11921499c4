"""Which way somebody takes, asked through the OpenFeature SDK: of the plan, or of a team's own provider."""

from __future__ import annotations

import asyncio
from pathlib import Path as FilePath
from typing import Final

import structlog
from openfeature import api
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.flag_evaluation import FlagEvaluationDetails
from openfeature.provider import FeatureProvider, ProviderStatus
from openfeature.provider.no_op_provider import NoOpProvider

from bridge.errors import ConfigError
from bridge.ids import fresh_id
from bridge.paths import Decision, Path, Reason, Stage
from bridge.rollout.deciding import Person, decide
from bridge.rollout.plan import Plan, PlanError
from bridge.rollout.plan_file import PlanFile, PlanSource
from bridge.rollout.provider import (
    CLIENT_NAME,
    CLIENT_VERSION,
    FLAG,
    PROVIDER_SETTING,
    PlanProvider,
    load_provider,
)

ANSWER_SECONDS: Final = 2.0
START_SECONDS: Final = 20.0
START_POLL_SECONDS: Final = 0.02

log = structlog.get_logger(__name__)


class Rollout:
    """The plan in force, and what answers for it. With a provider of the team's own, the plan counts in three ways:

    its kill switch is above the provider, it is what counts if the provider does not answer, and its gates hold.
    """

    def __init__(self, source: PlanSource | None, own: FeatureProvider | None) -> None:
        self.source = source
        self._own = own
        # The SDK keeps providers by domain, for the whole process; two bridges in one process must not share theirs.
        self._domain = f"chat-bridge-{fresh_id()}"
        self._client = api.get_client(self._domain)
        self._configuration_changed = False
        self._is_started = False

    @property
    def has_own_provider(self) -> bool:
        """Tell whether a provider of the team's own is asked; it may change its mind without a word."""
        return self._own is not None

    @property
    def plan(self) -> Plan | None:
        """Return the plan in force, if there is one."""
        return self.source.current.plan if self.source else None

    @property
    def is_governed(self) -> bool:
        """Tell whether anything decides at all: without, every client is served and none is told anything."""
        return self.source is not None or self._own is not None

    async def start(self) -> None:
        """Get the provider ready; what it does for that may take its time.

        Raises:
            ConfigError: it does not get ready.

        """
        if self._own is not None:
            await self._start_own(self._own)
        elif self.source is not None:
            api.set_provider_and_wait(PlanProvider(self._plan_in_force), self._domain)
        self._is_started = True

    async def _start_own(self, own: FeatureProvider) -> None:
        self._client.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, self._on_configuration_changed)
        try:
            # In a thread of the SDK's own that nobody waits for, or a provider that hangs would keep the program alive.
            api.set_provider(own, self._domain)
            async with asyncio.timeout(START_SECONDS):
                while self._client.get_provider_status() is ProviderStatus.NOT_READY:  # noqa: ASYNC110  # in a thread
                    await asyncio.sleep(START_POLL_SECONDS)
        except TimeoutError:
            raise ConfigError(f"{PROVIDER_SETTING} names a provider that does not get ready.") from None
        except Exception as error:
            raise ConfigError(f"{PROVIDER_SETTING} names a provider that the SDK does not take.") from error
        if self._client.get_provider_status() in {ProviderStatus.ERROR, ProviderStatus.FATAL}:
            raise ConfigError(f"{PROVIDER_SETTING} names a provider that fails to get ready.")

    def stop(self) -> None:
        """Let the provider go."""
        if not self._is_started:
            return
        self._is_started = False
        if self._own is not None:
            self._client.remove_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, self._on_configuration_changed)
        api.set_provider_and_wait(NoOpProvider(), self._domain)

    def look(self) -> bool:
        """Read the plan's file again if it has changed; tell whether decisions may be others now. Reads a file."""
        changed, self._configuration_changed = self._configuration_changed, False
        return (self.source is not None and self.source.look()) or changed

    async def decide(self, person: Person) -> Decision:
        """Return which way a person takes."""
        plan = self.plan
        if plan is not None and plan.kill_switch:
            return decide(plan, person)
        fallback = decide(plan, person) if plan else _without_plan(has_provider=self._own is not None)
        if not self.is_governed:
            return fallback
        details = await self._details(person, fallback.path)
        if details is None or details.error_code is not None or details.value not in {one.value for one in Path}:
            log.warning(
                "rollout.provider_failed", error=details and details.error_code, value=details and details.value
            )
            return Decision(path=fallback.path, reason=Reason.FALLBACK, stage=fallback.stage)
        return _read(details, fallback.stage)

    async def _details(self, person: Person, default: Path) -> FlagEvaluationDetails[str] | None:
        context = EvaluationContext(
            targeting_key=person.user_id, attributes={CLIENT_NAME: person.client, CLIENT_VERSION: person.version}
        )
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._evaluate(default, context)
        except TimeoutError:  # quiet: `decide` logs that nobody has answered
            return None

    async def _evaluate(self, default: Path, context: EvaluationContext) -> FlagEvaluationDetails[str]:
        try:
            return await self._client.get_string_details_async(FLAG, default.value, context)
        except UnboundLocalError as error:
            # What openfeature-sdk 0.10 makes of a cancellation, which must not be lost: a socket ends, or time is up.
            if isinstance(error.__context__, asyncio.CancelledError):
                raise error.__context__ from None
            raise

    def _plan_in_force(self) -> Plan:
        if self.source is None:
            raise AssertionError("the plan's provider without a plan")
        return self.source.current.plan

    def _on_configuration_changed(self, _: EventDetails) -> None:
        # Called in a thread of the SDK; `look` sees it.
        self._configuration_changed = True


def load_rollout(plan: FilePath | None, provider: str | None) -> Rollout:
    """Read the plan and make the team's own provider, if there are any.

    Raises:
        ConfigError: one of them cannot be used.

    """
    try:
        source = PlanFile(plan) if plan else None
    except PlanError as error:
        raise ConfigError(f"BRIDGE_ROLLOUT_FILE cannot be used: {error}") from None
    return Rollout(source, load_provider(provider) if provider else None)


def _without_plan(*, has_provider: bool) -> Decision:
    path = Path.LEGACY if has_provider else Path.BRIDGE
    return Decision(path=path, reason=Reason.STAGE, stage=None)


def _read(details: FlagEvaluationDetails[str], stage: Stage | None) -> Decision:
    said = details.flag_metadata.get("reason")
    reason = next((one for one in Reason if one.value == said), Reason.PROVIDER)
    return Decision(path=Path(details.value), reason=reason, stage=stage)
