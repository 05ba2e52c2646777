// Every page: times in the reader's zone, copying, calls of the hub's REST API.
"use strict";

const hub = {
  base: document.body.dataset.base,
  user: document.body.dataset.user,
  words: JSON.parse(document.getElementById("words")?.textContent || "{}"),

  // The hub's word in the reader's language.
  say(text) {
    return hub.words[text] || text;
  },

  // Call the REST API with this browser's login. Rejects with the hub's own sentence.
  async call(method, path, body) {
    const answer = await fetch(`${hub.base}api/${path}`, {
      method,
      headers: {
        "X-XSRFToken": document.body.dataset.xsrf,
        "Content-Type": "application/json",
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    let read = null;
    try {
      read = text ? JSON.parse(text) : null;
    } catch {
      read = null;
    }
    if (!answer.ok) {
      throw new Error(read?.message || `${answer.status} ${answer.statusText}`);
    }
    return { status: answer.status, body: read };
  },

  // Resolve when the user's server is gone. The hub answers 202 while it is stopping.
  async stopServer(user) {
    const path = `users/${encodeURIComponent(user)}`;
    await hub.call("DELETE", `${path}/server`);
    for (;;) {
      const { body } = await hub.call("GET", path);
      if (!body.servers?.[""]) return;
      await new Promise((done) => setTimeout(done, 500));
    }
  },
};

function showTimes(root) {
  // The reader's own way of writing dates, where it is of the page's language.
  const page = document.documentElement.lang;
  const language = navigator.languages.find((one) => one.split("-")[0] === page) || page;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const long = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    element.textContent = full.format(moment);
    element.title = `${long.format(moment)} (${zone})`;
  }
}

async function copyText(text) {
  if (navigator.clipboard && window.isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Clipboard access is refused on plain http addresses other than loopback.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "unseen";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    const source = document.getElementById(copy.dataset.copy);
    await copyText(source.textContent);
    const said = copy.parentElement.querySelector(".said");
    if (said) said.textContent = hub.say("Copied.");
  }
  const reveal = event.target.closest("[data-reveal]");
  if (reveal) {
    const input = document.getElementById(reveal.dataset.reveal);
    const hidden = input.type === "password";
    input.type = hidden ? "text" : "password";
    reveal.setAttribute("aria-pressed", String(hidden));
  }
});

// A form is sent once, however often its button is pressed.
document.addEventListener("submit", (event) => {
  const button = event.target.querySelector("button[type=submit]");
  if (button && !event.defaultPrevented) setTimeout(() => { button.disabled = true; }, 0);
});
// A page taken back from the browser's history must be usable again.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll("button[type=submit]")) button.disabled = false;
});

showTimes(document);
