"""What only people know about a model: what it is for, and what is to be said of it by law.

The fields of :class:`Governance` follow the technical documentation that the EU AI Act asks for
(Annex IV, Articles 11, 13 and 72); what is missing is left out, and shown as missing elsewhere.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lading.spec.part import Moment, Part, Text


class Card(Part):
    """What a model card says."""

    task: Annotated[str | None, Field(examples=["text-classification"])] = None
    languages: tuple[str, ...] = ()
    path: Annotated[str | None, Field(description="The file of the version with the card.")] = None
    intended_use: str | None = None
    out_of_scope: str | None = None
    limitations: str | None = None
    citation: str | None = None
    homepage: str | None = None


class Provider(Part):
    """Who answers for the model."""

    name: Text
    contact: str | None = None
    address: str | None = None


class Test(Part):
    """A test that somebody made and signs for."""

    name: Text
    date: Moment | None = None
    by: str | None = None
    result: str | None = None
    report: Annotated[str | None, Field(description="A file of the version, or an address.")] = None


class Governance(Part):
    """What the technical documentation needs and no tool can know."""

    intended_purpose: str | None = None
    provider: Provider | None = None
    version_history: str | None = None
    design_choices: str | None = None
    data_governance: str | None = None
    oversight: Annotated[str | None, Field(description="How people stay in charge.")] = None
    tests: tuple[Test, ...] = ()
    unintended_outcomes: str | None = None
    instructions: Annotated[str | None, Field(description="For whoever deploys it.")] = None
    risk: Annotated[str | None, Field(description="Where the risk assessment is.")] = None
    standards: tuple[str, ...] = ()
    post_market_plan: str | None = None
