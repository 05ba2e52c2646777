// Show or hide a value of several lines: a password field holds only one.
"use strict";

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-unmask]");
  if (!button) return;
  const hidden = document.getElementById(button.dataset.unmask).classList.toggle("masked");
  button.setAttribute("aria-pressed", String(!hidden));
});
