// The pending page: the hub's events as they come, and a button to give up.
"use strict";

const page = document.getElementById("pending");
const bar = document.getElementById("bar");
const now = document.getElementById("now");
const log = document.getElementById("log");
const cancel = document.getElementById("cancel");
const retry = document.getElementById("retry");

function tell(text) {
  now.textContent = text;
  const line = document.createElement("li");
  line.textContent = text;
  log.append(line);
}

// The hub puts its own words before ours.
function worded(event) {
  const text = event.message || "";
  const failed = "Spawn failed: ";
  if (text.startsWith(failed)) return text.slice(failed.length);
  if (event.ready) return hub.say("Your session is ready.");
  // What a cluster says comes in both languages; the rest is known by its English.
  return (document.documentElement.lang === "fr" && event.fr) || hub.say(text);
}

// A start that takes long shows that the page is alive.
const soFar = document.getElementById("so-far");
function showTime() {
  const seconds = Math.round((Date.now() - new Date(soFar.dataset.started)) / 1000);
  const minutes = Math.floor(seconds / 60);
  soFar.lastElementChild.textContent = (minutes ? `${minutes} min ` : "") + `${seconds % 60} s`;
  soFar.hidden = seconds < 10;
}
const clock = soFar && setInterval(showTime, 1000);

const events = new EventSource(page.dataset.events);
events.onmessage = (message) => {
  const event = JSON.parse(message.data);
  if (event.progress !== undefined) {
    bar.value = event.progress;
    bar.textContent = `${event.progress} %`;
  }
  if (event.message) tell(worded(event));
  if (event.ready) {
    events.close();
    // This address leads on to the session, or to the page that was asked for.
    window.location.reload();
  }
  if (event.failed) {
    events.close();
    clearInterval(clock);
    bar.classList.add("failed");
    document.getElementById("heading").textContent = hub.say("The session did not start");
    document.getElementById("hope").hidden = true;
    cancel.hidden = true;
    retry.hidden = false;
    retry.focus();
  }
};

cancel.addEventListener("click", async () => {
  cancel.disabled = true;
  tell(hub.say("Giving up…"));
  try {
    await hub.stopServer(page.dataset.for);
    window.location.assign(`${hub.base}home`);
  } catch (error) {
    tell(error.message);
    cancel.disabled = false;
  }
});
