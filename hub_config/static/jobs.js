// While something runs, the parts of the page that tell of it are fetched anew.
"use strict";

const EVERY = 2000;
let finished = "no";

function isLive() {
  return document.querySelector('[data-live="yes"]') !== null;
}

// Replace each part by the same part of the page as it is now. The reader's place stays.
async function renew() {
  const answer = await fetch(window.location.href, {
    headers: { Accept: "text/html", "X-Looks-Again": "1" },
  });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const now = page.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!now || now.innerHTML === part.dataset.seen) continue;
    const log = part.querySelector("pre");
    const atEnd = log && log.scrollHeight - log.scrollTop - log.clientHeight < 32;
    part.dataset.seen = now.innerHTML;
    part.replaceChildren(...now.cloneNode(true).childNodes);
    if (now.dataset.live !== undefined) part.dataset.live = now.dataset.live;
    showTimes(part);
    if (atEnd) part.querySelector("pre").scrollTop = 1e9;
  }
  // It is over: what can be done now is another, and stands in the page around. Whoever is typing
  // is not disturbed: it is done when they leave the form.
  finished = document.activeElement?.closest("form") ? "waits" : "yes";
  if (!isLive() && finished === "yes") {
    const main = document.querySelector("main");
    main.replaceChildren(...page.querySelector("main").childNodes);
    showTimes(main);
  }
}

async function follow() {
  if (!isLive() && finished !== "waits") return;
  try {
    if (!document.hidden) await renew();
  } catch {
    // The hub restarts, or the network is away: the page asks again.
  }
  setTimeout(follow, EVERY);
}

const log = document.querySelector("pre.runlog");
if (log) log.scrollTop = log.scrollHeight;
setTimeout(follow, EVERY);
