// The tokens page: make one, show it once, revoke.
"use strict";

const form = document.getElementById("token-form");
const made = document.getElementById("made");
const problem = document.getElementById("problem");

function complain(error) {
  problem.textContent = error.message;
  problem.hidden = false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  const data = new FormData(form);
  const body = { note: data.get("note") || hub.say("Made on the tokens page") };
  if (data.get("life")) body.expires_in = Number(data.get("life"));
  const scopes = (data.get("scopes") || "").split(/[\s,]+/).filter(Boolean);
  if (scopes.length) body.scopes = scopes;
  try {
    const answer = await hub.call("POST", `users/${encodeURIComponent(hub.user)}/tokens`, body);
    document.getElementById("token").textContent = answer.body.token;
    made.hidden = false;
    made.focus();
  } catch (error) {
    complain(error);
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-revoke]");
  if (!button) return;
  button.disabled = true;
  try {
    const id = encodeURIComponent(button.dataset.revoke);
    await hub.call("DELETE", `users/${encodeURIComponent(hub.user)}/tokens/${id}`);
    button.closest("tr").remove();
  } catch (error) {
    complain(error);
    button.disabled = false;
  }
});
