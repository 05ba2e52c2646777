// The spawn page: the launch link and the equivalent command follow the choice.
"use strict";

const form = document.getElementById("spawn-form");
const link = document.getElementById("launch-link");
const command = document.getElementById("launch-command");

function chosen() {
  const profile = form.querySelector("input[name=profile]:checked");
  if (!profile) return null;
  const options = { profile: profile.value };
  for (const field of profile.closest(".choice").querySelectorAll("[data-option]")) {
    if (field.value) options[field.dataset.option] = field.value;
  }
  return options;
}

function show() {
  const options = chosen();
  if (!options) return;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) query.set(`opt-${name}`, value);
  const origin = window.location.origin;
  link.textContent = `${origin}${hub.base}spawn?${query}`;
  const user = encodeURIComponent(form.dataset.for);
  const body = JSON.stringify(options).replaceAll("'", "'\\''");
  command.textContent =
    'curl -X POST -H "Authorization: token $NACELLE_TOKEN" \\\n' +
    `  -H 'Content-Type: application/json' -d '${body}' \\\n` +
    `  ${origin}${hub.base}api/users/${user}/server`;
}

form?.addEventListener("change", (event) => {
  // Choosing a size in a card chooses the card.
  const card = event.target.closest(".choice");
  const radio = card?.querySelector("input[name=profile]");
  if (radio && event.target !== radio && !radio.disabled) radio.checked = true;
  show();
});
if (form) show();
