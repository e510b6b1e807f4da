// Keeps the table of queues fresh: every five seconds, as long as somebody looks and wants it so.

const EVERY_MILLISECONDS = 5000;

const wanted = document.getElementById("refreshing");
const told = document.getElementById("refreshed");
const fault = document.getElementById("refresh-fault");

wanted.hidden = false;
tell(document.getElementById("queues"));
setTimeout(turn, EVERY_MILLISECONDS);

async function turn() {
  if (wanted.checked && !document.hidden) {
    await refresh();
  }
  setTimeout(turn, EVERY_MILLISECONDS);
}

async function refresh() {
  try {
    const answer = await fetch("/operations/queues", { signal: AbortSignal.timeout(20000) });
    if (answer.redirected) {
      fault.textContent = "You are logged out: load the page again.";
      wanted.checked = false;
    } else if (answer.ok) {
      swap(new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("queues"));
    } else {
      throw new Error(String(answer.status));
    }
  } catch {
    fault.textContent = "The console does not answer.";
  }
}

function swap(fresh) {
  const stale = document.getElementById("queues");
  const scrolled = stale.querySelector(".table-scroll")?.scrollLeft ?? 0;
  const focused = stale.contains(document.activeElement) ? document.activeElement.id : "";
  stale.replaceWith(fresh);
  fresh.querySelector(".table-scroll")?.scrollTo({ left: scrolled, behavior: "instant" });
  if (focused) {
    document.getElementById(focused)?.focus({ preventScroll: true });
  }
  tell(fresh);
}

function tell(queues) {
  fault.textContent = "";
  told.textContent = `Queues refreshed every 5 s, as of ${queues.dataset.at} UTC`;
}
