// Follows a stream of changes, and says on the page whether it does. Paused while nobody sees the page.

// A stream that has lasted is opened again at once: it may only have come to its time. Otherwise ever more slowly.
const LASTED_MS = 10000;
const PAUSES_MS = [0, 500, 1000, 2000, 4000];
const KINDS = ["message", "turn", "status", "interruption", "incident", "sentiment", "alert", "call"];

// Calls `changed(kind, values)` for each event, and `missed()` when there may have been some that did not come. `live()`
// gives what is to be said while all is well.
export function follow(main, changed, missed, live = () => "live") {
  const state = document.getElementById("connection");
  let after = main.dataset.after;
  let source = null;
  let retry = null;
  let openedAt = Infinity;
  let losses = 0;
  let wasLost = false;
  let trouble = "";

  function open() {
    close();
    source = new EventSource(`${main.dataset.stream}?after=${encodeURIComponent(after)}`);
    source.onopen = opened;
    source.onerror = lose;
    source.addEventListener("state", takeState);
    for (const kind of KINDS) source.addEventListener(kind, take);
  }

  function opened() {
    openedAt = performance.now();
    trouble = "";
    say();
    if (wasLost) missed();
    wasLost = false;
  }

  function take(event) {
    if (event.lastEventId) after = event.lastEventId;
    changed(event.type, JSON.parse(event.data));
    say();
  }

  // The stream is there, but what it is fed from is not.
  function takeState(event) {
    const told = JSON.parse(event.data);
    trouble = told.is_live ? "" : told.reason;
    say();
    if (told.is_live) missed();
  }

  function say() {
    tell(state, trouble ? `not live: ${trouble}` : live(), trouble !== "");
  }

  // The browser gives up where the answer is no stream, such as 503 when too many are open: so it is asked anew here.
  function lose() {
    close();
    if (performance.now() - openedAt > LASTED_MS) losses = 0;
    openedAt = Infinity;
    const pause = PAUSES_MS[Math.min(losses, PAUSES_MS.length - 1)];
    // Not all pages at the same time.
    retry = setTimeout(open, pause * (0.75 + Math.random() / 2));
    wasLost = true;
    if (losses > 0) tell(state, "not live: reconnecting", true);
    // The page still moves, if slowly; and whoever was logged out meanwhile learns it.
    if (losses > 1) missed();
    losses += 1;
  }

  function close() {
    clearTimeout(retry);
    source?.close();
  }

  document.addEventListener("visibilitychange", () => {
    close();
    if (document.hidden) wasLost = true;
    else open();
  });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

// Nothing to say leaves the place empty.
function tell(state, text, isLost) {
  state.hidden = text === "";
  state.classList.toggle("is-lost", isLost);
  if (state.textContent !== text) state.textContent = text;
}

// Gives a function that runs `work` soon, at most once in `milliseconds`, and never twice at a time.
export function coalesced(work, milliseconds) {
  let isAsked = false;
  let isBusy = false;

  async function run() {
    isAsked = false;
    isBusy = true;
    await work().catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    isBusy = false;
    if (isAsked) run();
  }

  return () => {
    isAsked = true;
    if (!isBusy) run();
  };
}

// Fetches a part of the page as the server writes it; whoever is logged out meanwhile is led to log in.
export async function fetchPart(address) {
  const answer = await fetch(address, { cache: "no-store" });
  if (answer.redirected) location.reload();
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}
