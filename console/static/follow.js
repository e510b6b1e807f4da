// Follows a stream of changes, and says on the page whether it does. Paused while nobody sees the page.

const FIRST_RETRY_MS = 500;
const RETRY_MS = 4000;
const KINDS = ["message", "turn", "status", "interruption", "incident", "call"];

// Calls `changed(kind, values)` for each event, and `missed()` when there may have been some that did not come.
export function follow(main, changed, missed) {
  const state = document.getElementById("connection");
  let after = main.dataset.after;
  let source = null;
  let retry = null;
  let wasLost = false;

  function open() {
    clearTimeout(retry);
    source = new EventSource(`${main.dataset.stream}?after=${encodeURIComponent(after)}`);
    source.onopen = () => {
      tell(state, "live", false);
      if (wasLost) missed();
      wasLost = false;
    };
    source.onerror = lose;
    for (const kind of KINDS) source.addEventListener(kind, take);
  }

  function take(event) {
    if (event.lastEventId) after = event.lastEventId;
    changed(event.type, JSON.parse(event.data));
  }

  // The browser gives up where the answer is no stream, such as 503 when too many are open: so it is asked anew here.
  function lose() {
    close();
    retry = setTimeout(open, wasLost ? RETRY_MS : FIRST_RETRY_MS);
    // The page still moves, if slowly; and whoever was logged out meanwhile learns it.
    if (wasLost) missed();
    wasLost = true;
    tell(state, "not live: reconnecting", true);
  }

  function close() {
    clearTimeout(retry);
    source.close();
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

function tell(state, text, isLost) {
  state.hidden = false;
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
