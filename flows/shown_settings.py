"""Settings as they may be shown: without secrets, and without what the settings know of people.

A field with `repr=False` is never shown; neither is what stands before the @ of an address with a password in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel

_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")


def shown(settings: BaseModel) -> dict[str, Any]:
    """The settings as plain values, defaults included, ready for JSON and YAML."""
    plain: dict[str, Any] = _without(settings, settings.model_dump(mode="json"))
    return plain


def as_yaml(plain: Mapping[str, Any]) -> str:
    """Plain values as YAML that Sereno reads back: keys in their order, no anchors."""
    return yaml.dump(dict(plain), Dumper=_Plain, allow_unicode=True, sort_keys=False, width=120)


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """What is shared is written twice: our reader refuses aliases."""
        return True


def _without(value: Any, plain: Any) -> Any:
    """The plain form of a value, without the fields of its models that are not to be shown."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {name: _without(getattr(value, name), plain[name]) for name in plain if fields[name].repr}
    if isinstance(value, Mapping):
        return {key: _without(inner, plain[str(key)]) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without(inner, one) for inner, one in zip(value, plain, strict=True)]
    return _USER_INFO.sub("", plain) if isinstance(plain, str) else plain
