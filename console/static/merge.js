// Brings a list on the page to what the server writes now: items are known by their id, and only what differs is touched.

// `keepsOrder` leaves what is there where it is, and puts what is new behind it. `isWhole` says that what the fresh list
// lacks is gone; without it the fresh list is a part of the whole one. Gives the new items.
export function mergeList(list, fresh, { keepsOrder = false, isWhole = true } = {}) {
  const items = [...fresh.children];
  if (isWhole) removeGone(list, items);
  const added = keepsOrder ? mergeInPlace(list, items) : mergeInOrder(list, items);
  for (const item of added) item.classList.add("is-new");
  return added;
}

function mergeInPlace(list, items) {
  const added = items.filter((item) => !known(list, item));
  for (const item of items) if (known(list, item)) refreshed(known(list, item), item);
  list.append(...added);
  return added;
}

function mergeInOrder(list, items) {
  const added = [];
  let next = null;
  for (const item of items.reverse()) {
    const old = known(list, item);
    const now = old ? refreshed(old, item) : document.adoptNode(item);
    if (!old) added.push(now);
    if (now.parentNode !== list || now.nextElementSibling !== next) list.insertBefore(now, next);
    next = now;
  }
  return added;
}

function known(list, item) {
  const old = document.getElementById(item.id);
  return old !== null && old.parentNode === list ? old : null;
}

// Puts a fresh element in the place of the one with its id, unless they are the same or somebody is in it.
export function swap(fresh, id) {
  const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
  if (!old || !now || old.outerHTML === now.outerHTML || old.contains(document.activeElement)) return;
  old.replaceWith(document.adoptNode(now));
}

function removeGone(list, items) {
  const kept = new Set(items.map((item) => item.id));
  for (const item of [...list.children]) if (!kept.has(item.id)) item.remove();
}

function refreshed(old, item) {
  if (plain(old) === plain(item)) return old;
  const open = old.querySelector("details[open]");
  const isFocused = old.contains(document.activeElement);
  const focused = isFocused ? document.activeElement.id : "";
  const now = document.adoptNode(item);
  if (open) now.querySelector("details")?.replaceWith(open);
  old.replaceWith(now);
  const again = (focused && document.getElementById(focused)) || now.querySelector("a");
  if (isFocused) again?.focus({ preventScroll: true });
  return now;
}

function plain(item) {
  const copy = item.cloneNode(true);
  copy.classList.remove("is-new");
  if (!copy.className) copy.removeAttribute("class");
  return copy.outerHTML;
}
