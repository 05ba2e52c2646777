// What JupyterHub's administration page expects to find; it is loaded after this file.
"use strict";

window.base_url = document.body.dataset.base;
window.api_page_limit = Number(document.getElementById("react-admin-hook").dataset.limit);
window.jhdata = {
  base_url: document.body.dataset.base,
  user: document.body.dataset.user,
  xsrf_token: document.body.dataset.xsrf,
  admin_access: true,
  options_form: true,
};
const dark = window.matchMedia("(prefers-color-scheme: dark)");
function follow() {
  document.documentElement.dataset.bsTheme = dark.matches ? "dark" : "light";
}
dark.addEventListener("change", follow);
follow();
