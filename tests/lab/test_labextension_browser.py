"""The extension in a real Lab with the real jobs service, as a person with a browser uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.lab.jobs_service import JobsService, jobs_service
from tests.lab.lab_server import HUB_TOKEN, TOKEN, LabServer, lab_server
from tests.support.browser import launch
from tests.support.installation import ROOT

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill

SCREENSHOTS = ROOT / "tests" / "screenshots"
PARAMETERS = """year: int = 2026  # the year of the figures
threshold = 0.75  # below, a person decides
language = "fr"  # one of: en, fr
draft = False  # with a mark on each page
since = "2026-01-31"  # first day
codes = ["01.11Z", "47.11F"]
api_key = "API_KEY"  # secret: of the price service
stamp = compute()"""

# Of a control in the form; null for whatever else has the focus.
NAME_OF_FOCUS = """() => {
  const one = document.activeElement;
  if (!one?.closest('.nacelle-Form')) return null;
  return (one.labels?.[0] ?? one).textContent || one.getAttribute('aria-label') || '';
}"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsService]:
    with jobs_service(tmp_path_factory.mktemp("service") / "jobs") as running:
        yield running


@pytest.fixture(scope="module")
def lab(service: JobsService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    folder = tmp_path_factory.mktemp("lab")
    write(folder / "home" / "figures.ipynb", PARAMETERS)
    write(folder / "home" / "again.ipynb", PARAMETERS)
    write(folder / "home" / "keys.ipynb", 'token = "ghp_' + "a1B2c3D4e5F6" * 3 + '"')
    with running_lab(folder, service) as server:
        yield server


@contextmanager
def running_lab(folder: Path, service: JobsService, **more: str) -> Iterator[LabServer]:
    environment = {
        "NACELLE_JOBS_URL": service.url,
        "JUPYTERHUB_API_TOKEN": HUB_TOKEN,
        "NACELLE_PROFILE": "python",
    }
    with lab_server(folder, "jupyterlab", **environment | more) as server:
        yield server


def write(file: Path, parameters: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cell = new_code_cell(parameters, metadata={"tags": ["parameters"]})
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = new_notebook(cells=[cell, new_code_cell("print(1)")], metadata={"kernelspec": spec})
    nbformat.write(made, file)


@pytest.fixture
def page(lab: LabServer) -> Iterator[Page]:
    with browser_page(lab) as opened:
        yield opened


@contextmanager
def browser_page(lab: LabServer, **options: Any) -> Iterator[Page]:
    """A browser in Paris, logged in; what goes wrong in the page fails the test."""
    SCREENSHOTS.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        context = browser.new_context(
            **{
                "base_url": lab.url,
                "locale": "en-GB",
                "timezone_id": "Europe/Paris",
                "viewport": {"width": 1400, "height": 1000},
                **options,
            }
        )
        context.set_default_timeout(60_000)
        page = context.new_page()
        broken: list[str] = []
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.goto(f"/login?token={TOKEN}&next=/api/status")
        yield page
        browser.close()
    assert broken == []


def open_notebook(page: Page, name: str) -> None:
    page.goto(f"/lab/workspaces/{name.removesuffix('.ipynb')}/tree/home/{name}?reset")
    expect(page.locator(".jp-Notebook .jp-CodeCell").first).to_be_visible()
    expect(page.locator("#jp-bottom-panel")).to_contain_text("Idle")


def promote(page: Page, word: str = "Promote") -> Locator:
    """The form, opened from the notebook's toolbar."""
    page.locator(".jp-NotebookPanel-toolbar").get_by_role("button", name=word).click()
    form = page.locator(".nacelle-Form")
    expect(form).to_be_visible()
    return form


def show_jobs(page: Page) -> Locator:
    """The side panel, opened from the page that a form leaves."""
    page.locator(".nacelle-Page:visible").get_by_role("button", name="Show jobs and runs").click()
    return page.get_by_role("region", name="Jobs and runs")


def toast(page: Page, words: str) -> Locator:
    """One of Lab's notifications; Jupyter's own may stand beside it."""
    return page.locator(".Toastify__toast").filter(has_text=words)


def shoot(page: Page, name: str) -> None:
    page.screenshot(path=str(SCREENSHOTS / f"labextension-{name}.png"))


def test_promote_see_it_run_make_it_fail_read_why_mend_run_again(
    page: Page, service: JobsService
) -> None:
    open_notebook(page, "figures.ipynb")
    form = promote(page)
    # What the notebook says stands in the form.
    expect(form.get_by_label("year", exact=True)).to_have_value("2026")
    expect(form.get_by_label("language", exact=True)).to_have_value("fr")
    expect(form.get_by_label("codes", exact=True)).to_have_value("01.11Z\n47.11F")
    expect(form.get_by_label("stamp", exact=True)).to_have_attribute("placeholder", "compute()")
    # The usual schedule in words, in the browser's zone, with the next five times.
    expect(form.get_by_text("Europe/Paris").first).to_be_visible()
    expect(form.locator(".nacelle-Meaning li")).to_have_count(5)
    form.get_by_label("How often").select_option("weekly")
    form.get_by_label("At", exact=True).fill("17:30")
    expect(form.locator(".nacelle-Sentence")).to_contain_text("17:30")
    form.get_by_label("Name").fill("Figures")
    form.get_by_label("year", exact=True).fill("2027")
    shoot(page, "form")
    form.get_by_role("button", name="Promote").click()
    expect(page.get_by_role("heading", name="Promoted")).to_be_focused()
    expect(page.locator(".nacelle-Copy pre").first).to_contain_text("nacelle jobs create")
    run = service.begin()
    expect(page.locator(".nacelle-Page").get_by_text("running")).to_be_visible()
    expect(page.get_by_role("progressbar", name="cell 1 of 4").first).to_be_visible()
    service.end(run)
    expect(page.get_by_text("The schedule is armed.")).to_be_visible()

    side = show_jobs(page)
    job = side.get_by_role("listitem").filter(has_text="Figures")
    expect(job).to_contain_text("armed")
    job.get_by_role("button", name="Figures", exact=True).click()
    expect(job).to_contain_text("2027")
    job.get_by_role("button", name="Run now: Figures").click()
    failing = service.begin()
    side.get_by_role("tab", name="Runs").click()
    first = side.get_by_role("list", name="Runs").locator("> li").first
    expect(first).to_contain_text("running")
    service.end(failing, "Cell 3 raised ValueError: no rows for 2027.")
    expect(first).to_contain_text("failed")
    # The failure comes to the person, and stands with the run.
    expect(toast(page, "no rows for 2027")).to_be_visible()
    first.get_by_role("button", name="Figures", exact=True).click()
    expect(first).to_contain_text("Cell 3 raised ValueError")
    shoot(page, "failed")
    first.get_by_role("button", name="Log: Figures").click()
    expect(page.get_by_role("log")).to_contain_text("12 rows of été")

    side.get_by_role("tab", name="Jobs").click()
    job.get_by_role("button", name="Edit: Figures").click()
    expect(page.get_by_role("heading", name="Edit the job Figures")).to_be_visible()
    edit = page.locator(".nacelle-Form:visible")
    expect(edit.get_by_label("How often")).to_have_value("weekly")
    expect(edit.get_by_label("year", exact=True)).to_have_value("2027")
    edit.get_by_label("year", exact=True).fill("2025")
    edit.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Saved")).to_be_visible()
    service.end(service.begin())
    expect(page.locator(".nacelle-Page:visible")).to_contain_text("The schedule is armed.")


def test_run_once_with_other_values(page: Page, service: JobsService) -> None:
    open_notebook(page, "again.ipynb")
    form = promote(page)
    form.get_by_label("only when I ask").check()
    form.get_by_role("button", name="Promote").click()
    service.end(service.begin())
    expect(page.get_by_text("It works.")).to_be_visible()
    side = show_jobs(page)
    side.get_by_role("tab", name="Runs").click()
    run = side.get_by_role("list", name="Runs").locator("> li").first
    run.get_by_role("button", name="again", exact=True).click()
    run.get_by_role("button", name="With other values: again").click()
    other = page.locator(".nacelle-Form:visible")
    other.get_by_label("year", exact=True).fill("soon")
    other.get_by_role("button", name="Run", exact=True).click()
    year = other.get_by_label("year", exact=True)
    expect(year).to_have_attribute("aria-invalid", "true")
    expect(other.locator(".nacelle-Error")).to_contain_text("whole number")
    year.fill("2030")
    other.get_by_role("button", name="Run", exact=True).click()
    waiting = service.waiting()
    assert service.store.snapshot(waiting.version).parameters["year"].value == 2030
    service.end(service.begin())


def test_errors_stand_beside_their_fields(page: Page) -> None:
    open_notebook(page, "figures.ipynb")
    form = promote(page)
    form.get_by_label("year", exact=True).fill("soon")
    form.get_by_role("button", name="Promote").click()
    summary = form.get_by_role("alert")
    expect(summary).to_be_focused()
    year = form.get_by_label("year", exact=True)
    expect(year).to_have_attribute("aria-invalid", "true")
    described = (year.get_attribute("aria-describedby") or "").split()[-1]
    expect(page.locator(f"#{described}")).to_contain_text("whole number")
    shoot(page, "errors")
    # A sentence of the summary leads to its field.
    summary.get_by_role("link").first.press("Enter")
    expect(year).to_be_focused()
    year.fill("2026")
    form.get_by_label("Name").fill("a/b")
    form.get_by_role("button", name="Promote").click()
    expect(form.get_by_label("Name")).to_have_attribute("aria-invalid", "true")
    expect(year).not_to_have_attribute("aria-invalid", "true")
    # A number that is none is told before anything is sent.
    form.get_by_text("Time limit, retries").click()
    form.get_by_label("Stop it after (minutes)").fill("an hour")
    form.get_by_role("button", name="Promote").click()
    expect(form.get_by_label("Stop it after (minutes)")).to_be_focused()


def test_a_cron_line_says_what_it_means_or_what_is_wrong_with_it(page: Page) -> None:
    open_notebook(page, "figures.ipynb")
    form = promote(page)
    form.get_by_label("How often").select_option("cron")
    line = form.get_by_label("Cron line")
    line.fill("30 2 * * 0")
    expect(form.locator(".nacelle-Meaning")).to_contain_text("The clocks skip")
    form.get_by_label("Time zone").fill("Asia/Tokyo")
    expect(form.locator(".nacelle-Sentence")).to_contain_text("Asia/Tokyo")
    expect(form.locator(".nacelle-Meaning")).not_to_contain_text("The clocks skip")
    line.fill("* * * * * *")
    expect(form.get_by_role("alert")).to_contain_text("five fields")
    assert line.input_value() == "* * * * * *"


def test_a_notebook_with_a_key_is_promoted_only_when_one_says_so(
    page: Page, service: JobsService
) -> None:
    open_notebook(page, "keys.ipynb")
    form = promote(page)
    findings = form.get_by_role("region", name="Keys or tokens")
    expect(findings).to_contain_text("Cell 1, line 1")
    expect(findings).to_contain_text("GitHub token")
    form.get_by_label("only keep it, as a draft").check()
    form.get_by_role("button", name="Promote").click()
    expect(form.get_by_role("alert")).to_contain_text("Keys or tokens seem to stand")
    shoot(page, "keys")
    form.get_by_label("These are no keys").check()
    form.get_by_role("button", name="Promote").click()
    expect(page.get_by_role("heading", name="Promoted")).to_be_visible()


def test_suspend_search_and_delete(page: Page, service: JobsService) -> None:
    open_notebook(page, "again.ipynb")
    form = promote(page)
    form.get_by_label("Name").fill("Short-lived")
    form.get_by_label("arm the schedule without a first run").check()
    form.get_by_role("button", name="Promote").click()
    side = show_jobs(page)
    side.get_by_role("searchbox").fill("short")
    jobs = side.get_by_role("list", name="Jobs").locator("> li")
    expect(jobs).to_have_count(1)
    jobs.get_by_role("button", name="Short-lived", exact=True).click()
    jobs.get_by_role("button", name="Suspend").click()
    expect(jobs).to_contain_text("alice suspended it")
    jobs.get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("What its runs wrote to the bucket stays")
    dialog.get_by_role("button", name="Delete").click()
    expect(toast(page, "stays in the bucket")).to_be_visible()
    expect(side).to_contain_text("No job is like that.")


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    open_notebook(page, "figures.ipynb")
    page.keyboard.press("Control+Shift+C")
    page.keyboard.type("Promote Notebook")
    page.keyboard.press("Enter")
    heading = page.get_by_role("heading", name="Promote to a job")
    expect(heading).to_be_focused()
    expect(page.locator(".nacelle-Meaning li")).to_have_count(5)
    # Every control is reached in turn and has a name.
    names: list[str | None] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate(NAME_OF_FOCUS)
        if name is not None:
            names.append(name)
        if name == "Promote":
            break
    assert all(names) and names[-1] == "Promote", names
    for name in ("Name", "year", "How often", "Time zone", "Kernel"):
        assert name in names
    page.keyboard.press("Shift+Tab")
    expect(page.locator(".nacelle-Form :focus")).to_have_attribute("type", "radio")


@pytest.fixture
def dark(lab: LabServer) -> Iterator[None]:
    address = "/lab/api/settings/@jupyterlab/apputils-extension:themes"
    for_dark = {"raw": '{"theme": "JupyterLab Dark"}'}
    assert lab.http.put(address, json=for_dark).status_code == 204
    yield
    lab.http.put(address, json={"raw": "{}"})


def test_narrow_and_dark(lab: LabServer, dark: None) -> None:
    with browser_page(lab, viewport={"width": 640, "height": 900}) as page:
        open_notebook(page, "figures.ipynb")
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
        page.keyboard.press("Control+b")
        form = promote(page)
        expect(form.locator(".nacelle-Meaning li")).to_have_count(5)
        shoot(page, "narrow-dark")
        overflow = "one => one.scrollWidth - one.clientWidth"
        assert page.locator(".nacelle-Widget:visible").last.evaluate(overflow) <= 0


def test_french_where_lab_speaks_french(service: JobsService, tmp_path: Path) -> None:
    """With no language pack of Jupyter's: the words of the extension come with it."""
    write(tmp_path / "home" / "figures.ipynb", PARAMETERS)
    settings = tmp_path / "home" / ".jupyter" / "lab" / "user-settings"
    plugin = settings / "@jupyterlab" / "translation-extension" / "plugin.jupyterlab-settings"
    plugin.parent.mkdir(parents=True)
    plugin.write_text('{"locale": "fr_FR"}', encoding="utf-8")
    with running_lab(tmp_path, service) as lab, browser_page(lab, locale="fr-FR") as page:
        open_notebook(page, "figures.ipynb")
        form = promote(page, "Promouvoir")
        expect(form.get_by_label("À quelle fréquence")).to_be_visible()
        expect(form.locator(".nacelle-Sentence")).to_contain_text("chaque mois")
        expect(page.get_by_role("heading", name="Promouvoir en travail")).to_be_visible()
        shoot(page, "french")
