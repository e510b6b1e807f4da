"""Ids in addresses: they come from outside, and may hold any character, slashes and line breaks among them."""

from werkzeug.routing import BaseConverter


class IdConverter(BaseConverter):
    """Takes a whole id. A rule that goes on behind it, such as `<id:call_id>/messages`, is tried first."""

    part_isolating = False
    regex = "(?s:.+?)"
    weight = 200
