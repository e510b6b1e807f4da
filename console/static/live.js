// Keeps the list of calls in progress as it is now: a change fetches the list anew, at most once a second.

import { coalesced, fetchPart, follow } from "./follow.js";
import { mergeList } from "./merge.js";

const SHORTEST_MS = 1000;
// Also while nothing happens: "12 s ago" grows old, and a call becomes quiet by itself.
const LONGEST_MS = 15000;

const main = document.getElementById("content");

async function refresh() {
  if (document.hidden) return;
  const fresh = (await fetchPart(main.dataset.fragment)).getElementById("calls");
  const shown = document.getElementById("calls");
  if (isSamePlan(shown, fresh)) mergeLists(shown, fresh);
  else shown.replaceWith(document.adoptNode(fresh));
}

function isSamePlan(shown, fresh) {
  const plan = (part) => [...part.children].map((child) => child.id).join(" ");
  return plan(shown) === plan(fresh);
}

// Rows stay where they are while somebody points at one or is in one.
function mergeLists(shown, fresh) {
  for (const part of [...fresh.children]) {
    const old = document.getElementById(part.id);
    if (part.matches("ol")) mergeList(old, part, { keepsOrder: shown.matches(":hover, :focus-within") });
    else if (old.outerHTML !== part.outerHTML) old.replaceWith(document.adoptNode(part));
  }
}

const refreshSoon = coalesced(refresh, SHORTEST_MS);
follow(main, refreshSoon, refreshSoon);
setInterval(refreshSoon, LONGEST_MS);
