// Keeps the list of calls in progress as it is now: a change fetches the list anew, at most once a second.

import { coalesced, fetchPart, follow } from "./follow.js";
import { mergeList } from "./merge.js";

const SHORTEST_MS = 1000;
// Also while nothing happens: "12 s ago" grows old, and a call becomes quiet by itself.
const LONGEST_MS = 15000;
// Whoever has moved the pointer over the list so lately may be about to click.
const POINTED_MS = 5000;

const main = document.getElementById("content");
let pointedAt = -Infinity;

async function refresh() {
  if (document.hidden) return;
  const fresh = (await fetchPart(main.dataset.fragment)).getElementById("calls");
  const shown = document.getElementById("calls");
  if (isSamePlan(shown, fresh)) mergeLists(shown, fresh);
  else if (!isPointed()) shown.replaceWith(document.adoptNode(fresh));
}

function isSamePlan(shown, fresh) {
  const plan = (part) => [...part.children].map((child) => child.id).join(" ");
  return plan(shown) === plan(fresh);
}

function mergeLists(shown, fresh) {
  const isStill = isPointed();
  const keepsOrder = isStill || shown.matches(":focus-within");
  for (const part of [...fresh.children]) {
    const old = document.getElementById(part.id);
    if (part.matches("ol")) mergeList(old, part, { keepsOrder, isWhole: !isStill });
    else if (old.outerHTML !== part.outerHTML) old.replaceWith(document.adoptNode(part));
  }
}

function isPointed() {
  return performance.now() - pointedAt < POINTED_MS;
}

const refreshSoon = coalesced(refresh, SHORTEST_MS);

// Rows stay where they are while somebody points at one; they come into order when the pointer leaves.
main.addEventListener("pointermove", ({ target }) => {
  const wasPointed = isPointed();
  pointedAt = target.closest("#calls") ? performance.now() : -Infinity;
  if (wasPointed && !isPointed()) refreshSoon();
}, { passive: true });
main.addEventListener("pointerleave", () => {
  pointedAt = -Infinity;
  refreshSoon();
});

follow(main, refreshSoon, refreshSoon);
setInterval(refreshSoon, LONGEST_MS);
