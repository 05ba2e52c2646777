// Stop the session, and follow a stop or start that is under way.
"use strict";

const stop = document.getElementById("stop");
const problem = document.getElementById("problem");
stop?.addEventListener("click", async () => {
  stop.disabled = true;
  stop.textContent = hub.say("Stopping…");
  try {
    await hub.stopServer(hub.user);
    window.location.reload();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    stop.disabled = false;
    stop.textContent = hub.say("Stop");
  }
});
