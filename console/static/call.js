// Keeps the page of a call as it is now: a change fetches the messages around it anew, at most once a second.

import { coalesced, fetchPart, follow } from "./follow.js";
import { mergeList, swap } from "./merge.js";

const SHORTEST_MS = 1000;
const LONGEST_MS = 15000;
// Messages so near the end are among those that the small fetch brings.
const NEAR_END = 20;
const END_PIXELS = 120;
const OF_MESSAGES = ["message", "sentiment"];
const ENDED = ["finished", "failed"];

const main = document.getElementById("content");
const hint = document.getElementById("hint");
let isWhole = false;

async function refresh() {
  const whole = isWhole;
  isWhole = false;
  const fresh = await fetchPart(main.dataset.fragment + (whole ? "conversation" : "newest"));
  const messages = fresh.getElementById("messages");
  if (!whole && leavesGap(messages)) {
    isWhole = true;
    return refresh();
  }
  const wasAtEnd = isAtEnd();
  const added = mergeList(document.getElementById("messages"), messages, { isWhole: whole });
  for (const id of ["call-title", "figures", "call-alerts", "to-newest", "pager", "side"]) swap(fresh, id);
  if (!added.length) return;
  document.getElementById("no-messages")?.remove();
  lead(wasAtEnd);
}

// So much is new that the small fetch does not reach back to what is here.
function leavesGap(messages) {
  const first = messages.firstElementChild;
  return first !== null && document.getElementById(first.id) === null;
}

function changed(kind, values) {
  if (kind === "call" && (values.ended_at !== null || ENDED.includes(values.status))) delete main.dataset.live;
  const id = kind === "turn" ? values.turn_id : OF_MESSAGES.includes(kind) ? values.message_id : undefined;
  isWhole ||= kind === "interruption" || kind === "incident" || isFarFromEnd(id);
  refreshSoon();
}

function isFarFromEnd(id) {
  const line = id === undefined ? null : document.getElementById(`message-${id}`);
  const lines = document.getElementById("messages").children;
  return !("newest" in main.dataset) || (line !== null && [...lines].indexOf(line) < lines.length - NEAR_END);
}

function missed() {
  isWhole = true;
  refreshSoon();
}

function isAtEnd() {
  const end = document.getElementById("messages").getBoundingClientRect().bottom;
  return end <= innerHeight + END_PIXELS && end >= 0;
}

function lead(wasAtEnd) {
  const last = document.getElementById("messages").lastElementChild;
  if (wasAtEnd) last.scrollIntoView({ block: "end" });
  hint.hidden = wasAtEnd;
}

hint.querySelector("button").addEventListener("click", () => {
  const last = document.getElementById("messages").lastElementChild;
  last.scrollIntoView({ block: "end" });
  last.focus({ preventScroll: true });
  hint.hidden = true;
});
addEventListener("scroll", () => (hint.hidden ||= isAtEnd()), { passive: true });

// Earlier wordings are fetched when they are asked for.
main.addEventListener("toggle", async ({ target }) => {
  if (!target.open || !target.dataset.source || target.querySelector("ol")) return;
  const page = await fetchPart(target.dataset.source).catch(() => null);
  const wordings = page?.getElementById("wordings");
  if (!wordings) return;
  wordings.removeAttribute("id");
  target.querySelector("p").replaceWith(document.adoptNode(wordings));
}, { capture: true });

document.getElementById(main.dataset.focus ?? "")?.scrollIntoView({ block: "center" });

const refreshSoon = coalesced(refresh, SHORTEST_MS);
// Of a call that is over nothing more is expected.
follow(main, changed, missed, () => ("live" in main.dataset ? "live" : ""));
// How long it lasts, and figures that are worked out a little later, change without an event.
if ("live" in main.dataset) setInterval(refreshSoon, LONGEST_MS);
