"""The drawing of a turn's latency."""

from itertools import pairwise
from typing import Any

import pytest

from console.pages.waterfall import BAR_LEFT, BAR_WIDTH, MeasuredTurn, Waterfall, draw_turn

LIMIT_MS = 3000
NOTHING = dict.fromkeys(MeasuredTurn.model_fields)
EXAMPLE = {
    "turn_latency_ms": 3913,
    "eou_ms": 1000,
    "eou_queue_ms": 1,
    "llm_queue_ms": 3,
    "llm_ms": 2557,
    "tts_queue_ms": 2,
    "tts_ms": 353,
    "remainder_ms": -3,
    "tts_is_cache_playing": False,
}


def turn(**parts: Any) -> MeasuredTurn:
    return MeasuredTurn.model_validate({**NOTHING, "call_id": "WC-1", "turn_id": "user-3", **parts})


def drawn(**parts: Any) -> Waterfall:
    waterfall = draw_turn(turn(**parts), LIMIT_MS)
    assert waterfall is not None
    return waterfall


def test_the_words_say_everything_that_is_drawn_and_more():
    """Who cannot see the drawing learns each part, the tiny and the negative ones too."""
    assert drawn(**EXAMPLE, player_wait_time_ms=352).words == (
        "Turn latency 3.9 s: EOU 1.0 s, EOU queue 1 ms, LLM queue 3 ms, LLM 2.6 s, TTS queue 2 ms, TTS 353 ms, "
        "remainder −3 ms; beside them, playout wait 352 ms."
    )


@pytest.mark.parametrize("changed", [{}, {"eou_ms": -12, "remainder_ms": 1009}])
def test_each_part_begins_where_the_one_before_it_ends(changed):
    """The parts and the remainder add up to the turn, whatever their signs."""
    parts = drawn(**{**EXAMPLE, **changed}).parts
    assert all(after.start_ms == before.start_ms + before.milliseconds for before, after in pairwise(parts))
    assert parts[-1].start_ms + parts[-1].milliseconds == EXAMPLE["turn_latency_ms"]


def test_parts_too_short_to_see_get_no_bar():
    """Three bars tell the example; queues of a few milliseconds would only take room."""
    assert [bar.part.name for bar in drawn(**EXAMPLE).bars] == ["EOU", "LLM", "TTS"]


def test_the_players_wait_ends_with_the_parts_and_is_not_added():
    """It runs while the audio is made."""
    waterfall = drawn(**EXAMPLE, player_wait_time_ms=352)
    assert waterfall.player is not None
    assert waterfall.player.start_ms + 352 == EXAMPLE["turn_latency_ms"]
    assert waterfall.player not in waterfall.parts


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        (EXAMPLE, "slow: LLM 2.6 s"),
        ({"turn_latency_ms": 2999, "llm_ms": 1000, "tts_ms": 900, "eou_ms": 1099}, ""),
        ({"turn_latency_ms": 1500, "llm_ms": 1200, "tts_ms": 300}, "mostly LLM 1.2 s"),
        ({"turn_latency_ms": 500, "llm_ms": 500}, ""),
        ({"turn_latency_ms": 8000, "llm_ms": 10, "remainder_ms": 7990}, "slow: remainder 8.0 s"),
        ({"turn_latency_ms": 4000}, ""),
        ({"llm_ms": 9000}, ""),
    ],
)
def test_the_slow_part_is_named(parts, verdict):
    """Where the turn is slow, or one part is most of it; of a quick turn nothing needs to be said."""
    assert drawn(**parts).verdict == verdict


def test_a_cached_voice_is_called_that():
    """Its time is not the voice's."""
    assert drawn(tts_ms=7, tts_is_cache_playing=True).parts[0].name == "TTS cached"


def test_a_turn_without_measures_is_not_drawn():
    """An empty frame would look like a quick turn."""
    assert draw_turn(turn(), LIMIT_MS) is None


@pytest.mark.parametrize(
    "parts",
    [
        {"turn_latency_ms": -400, "remainder_ms": -400},
        {"turn_latency_ms": 1e12, "llm_ms": 1e12},
        {"turn_latency_ms": 500, "eou_ms": 1000, "llm_ms": 2000, "remainder_ms": -2500, "player_wait_time_ms": 1e6},
    ],
)
def test_every_bar_is_inside_the_drawing(parts):
    """Also where a part is negative or beyond all measure."""
    waterfall = drawn(**parts)
    assert waterfall.bars
    for bar in waterfall.bars:
        assert bar.x >= BAR_LEFT
        assert bar.x + bar.width <= BAR_LEFT + BAR_WIDTH + 1
        assert bar.baseline <= waterfall.height
    assert BAR_LEFT <= waterfall.limit_x <= BAR_LEFT + BAR_WIDTH
