// Loads a page again that could not be shown, as soon as the console answers for it.

const seconds = Number(document.getElementById("retry").dataset.seconds);

async function tryAgain() {
  const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
  if (answer && answer.status !== 503) location.reload();
  else setTimeout(tryAgain, seconds * 1000);
}

setTimeout(tryAgain, seconds * 1000);
