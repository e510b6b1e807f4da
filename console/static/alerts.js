// Keeps the page of alerts as it is now: fetched anew every ten seconds, as long as somebody looks.

import { coalesced, fetchPart } from "./follow.js";
import { mergeList, swap } from "./merge.js";

const EVERY_MS = 10000;
// Whoever has moved the pointer over the alerts so lately may be about to click.
const POINTED_MS = 5000;
const LISTS = ["open-alerts", "listed-alerts"];

const told = document.getElementById("connection");
const alerts = document.getElementById("alerts");
let pointedAt = -Infinity;

async function refresh() {
  try {
    show(await fetchPart(location.href));
    tell("live", false);
  } catch {
    tell("not live: the console does not answer", true);
  }
}

function show(fresh) {
  swap(fresh, "alerts-waiting");
  swap(fresh, "silenced");
  swap(fresh, "silences");
  const now = fresh.getElementById("alerts");
  if (plan(now) === plan(alerts)) [...now.children].forEach(showPart);
  else if (!isStill()) alerts.replaceChildren(...now.children);
}

function showPart(part) {
  const old = document.getElementById(part.id);
  if (!LISTS.includes(part.id)) return swap(part.ownerDocument, part.id);
  old.hidden = part.hidden;
  mergeList(old, part, { keepsOrder: isStill(), isWhole: !isStill() });
}

function plan(part) {
  return [...part.children].map((child) => child.id).join(" ");
}

// Nothing moves under the pointer, or away from the keyboard.
function isStill() {
  return performance.now() - pointedAt < POINTED_MS || alerts.contains(document.activeElement);
}

function tell(text, isLost) {
  told.hidden = false;
  told.classList.toggle("is-lost", isLost);
  if (told.textContent !== text) told.textContent = text;
}

alerts.addEventListener("pointermove", () => (pointedAt = performance.now()), { passive: true });
alerts.addEventListener("pointerleave", () => (pointedAt = -Infinity));

const refreshSoon = coalesced(refresh, 1000);
setInterval(() => document.hidden || refreshSoon(), EVERY_MS);
document.addEventListener("visibilitychange", () => document.hidden || refreshSoon());
tell("live", false);
