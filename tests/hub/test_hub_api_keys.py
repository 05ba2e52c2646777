"""The hub's pages of the classifier, over a real hub and the API's real keys."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from bs4 import BeautifulSoup
from hubrig import Browser, Platform
from nace_api import TITLES, NaceApi, made_key, page, predicted, said, send
from test_hub_look import SAME, rendered, texts

from nacelle.hub.try_it import HOW_MANY, LANGUAGES, STAGES, curl
from nacelle.settings.nace import NaceKeys


@pytest.fixture(scope="module")
def api(platform: Platform) -> Iterator[NaceApi]:
    with NaceApi(platform) as running:
        yield running


@pytest.fixture
def alice(platform: Platform) -> Browser:
    return platform.browser("alice")


@pytest.fixture
def admin(platform: Platform) -> Browser:
    return platform.browser("admin")


def ask(api: NaceApi, credential: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {credential}"}
    body = {"text": "boulangerie", "top": 1}
    return httpx.post(f"{api.url}/v1/classify", headers=headers, json=body)


def rows(soup: BeautifulSoup) -> list[str]:
    return [" ".join(row.stripped_strings) for row in soup.select("table.stack tbody tr")]


def test_a_key_from_making_to_its_end(api: NaceApi, alice: Browser) -> None:
    empty = page(alice.get("/hub/api-keys"))
    assert "There is none yet" in empty.text
    assert empty.select_one('main a[aria-current="page"]').text == "API keys"  # type: ignore[union-attr]
    made = send(alice, "api-keys", name="register")
    key = made_key(made)
    assert "not shown again" in made.text
    answer = ask(api, key)
    assert answer.status_code == 200 and answer.json()["request_id"] == f"key:{key[8:20]}"
    listed = page(alice.get("/hub/api-keys"))
    assert key.split("_", 2)[2] not in str(listed)
    assert len(rows(listed)) == 1 and "register" in rows(listed)[0]
    ended = send(alice, "api-keys", revoke=key[8:20])
    assert "The key is revoked" in ended.text
    assert ask(api, key).status_code == 401


def test_the_limits_are_told_and_held(api: NaceApi, alice: Browser, admin: Browser) -> None:
    assert "50 requests a second, 100 at once" in page(alice.get("/hub/api-keys")).text
    assert "200,000 texts a day" in page(alice.get("/hub/api-keys")).text
    send(alice, "api-keys", name="desk")
    taken = send(alice, "api-keys", 409, name="desk")
    assert "You have a key of this name" in said(taken)
    assert taken.find(id="name")["value"] == "desk"  # type: ignore[index]
    assert "Only an administrator" in said(send(alice, "api-keys", 403, name="x", rate="9999"))
    assert "Say what uses the key" in said(send(alice, "api-keys", 400, name=" "))
    assert "as numbers" in said(send(admin, "api-keys", 400, name="x", rate="fast"))
    more = send(admin, "api-keys", name="big", rate="0,5", daily_quota="0", administer="yes")
    (row,) = (row for row in rows(more) if "big" in row)
    assert "0.5 requests/s" in row and "as it likes" in row and "may administer" in row
    assert ask(api, made_key(more)).status_code == 200


def test_everybody_has_their_own_and_administrators_see_all(
    api: NaceApi, platform: Platform, alice: Browser, admin: Browser
) -> None:
    bob = platform.browser("bob")
    key = made_key(send(bob, "api-keys", name="bob's <script>"))
    assert not any("bob" in row for row in rows(page(alice.get("/hub/api-keys"))))
    assert "no such key" in said(send(alice, "api-keys", 404, revoke=key[8:20]))
    assert ask(api, key).status_code == 200
    seen = page(admin.get("/hub/api-keys"))
    (row,) = (row for row in rows(seen) if "bob" in row)
    assert "has left" not in row
    send(admin, "api-keys", revoke=key[8:20])
    assert ask(api, key).status_code == 401


def test_the_keys_of_people_who_left_are_shown_and_refused(
    api: NaceApi, alice: Browser, admin: Browser
) -> None:
    here = made_key(send(alice, "api-keys", name="here"))
    # The hub keeps this name, without a role, as it does of people who left the settings; the
    # other it does not know any more.
    assert admin.call("POST", "users/trainee").status_code == 201
    allowance = api.access.keys.all()[0].allowance
    for owner in ("trainee", "stranger"):
        made, key = api.access.keys.make(owner, "course", allowance, 1)
        (row,) = (row for row in rows(page(admin.get("/hub/api-keys"))) if owner in row)
        assert "has left: the key is refused" in row
        answer = ask(api, key)
        assert answer.status_code == 401 and "has left the platform" in answer.json()["detail"]
        assert "is revoked" in send(admin, "api-keys", revoke=made.id).text
    assert ask(api, here).status_code == 200


def test_tokens_of_the_hub_open_the_api(api: NaceApi, alice: Browser, admin: Browser) -> None:
    whole = alice.token("alice")
    answer = ask(api, whole)
    assert answer.status_code == 200, answer.text
    assert answer.json()["request_id"] == "user:alice"
    narrow = alice.token("alice", scopes=["access:services!service=nace"])
    assert ask(api, narrow).status_code == 200
    other = alice.token("alice", scopes=["access:services!service=mlflow"])
    assert ask(api, other).status_code == 403
    assert ask(api, "0123456789abcdef").status_code == 401

    def owners(token: str) -> set[str]:
        headers = {"Authorization": f"Bearer {token}"}
        return {key["owner"] for key in httpx.get(f"{api.url}/v1/keys", headers=headers).json()}

    assert owners(whole) == {"alice"}
    assert owners(admin.token("admin")) >= {"alice", "admin"}


@pytest.mark.parametrize("path", ["api-keys", "classify"])
def test_forms_of_other_sites_are_refused(api: NaceApi, alice: Browser, path: str) -> None:
    before = rows(page(alice.get("/hub/api-keys")))
    answer = alice.post(f"/hub/{path}", data={"name": "forged", "text": "x"})
    assert answer.status_code == 403
    assert rows(page(alice.get("/hub/api-keys"))) == before


@pytest.mark.parametrize("path", ["api-keys", "classify"])
def test_strangers_are_sent_to_the_login(platform: Platform, path: str) -> None:
    answer = platform.browser().get(f"/hub/{path}")
    assert answer.url.path == "/hub/login"


def test_codes_for_a_text(api: NaceApi, alice: Browser) -> None:
    form = page(alice.get("/hub/classify"))
    assert form.find(id="answer") is None
    shown = send(alice, "classify", text="boulangerie", top="10", language="fr")
    answer = shown.find(id="answer")
    assert answer is not None
    assert "This is a forecast, not a decision" in answer.text
    assert "Coded automatically: the index reaches the threshold of 75.0%" in answer.text
    cells = [cell.text for cell in answer.select("tbody tr:first-child td")]
    assert cells == ["10.71", "Manufacture of bread", "81.0%"]
    assert "77.0%" in answer.text and "3f2a9c3f2a9c" in answer.text and "NACE 2.1" in answer.text
    assert shown.find(id="text").text == "boulangerie"  # type: ignore[union-attr]
    assert shown.select_one("#language option[selected]")["value"] == "fr"  # type: ignore[index]
    assert len(answer.select("tbody tr")) == 2
    assert len(send(alice, "classify", text="boulangerie", top="1").select("tbody tr")) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pain", "the index is below the threshold of 75.0%"),
        ("artisan", "no threshold is set for this model"),
        ("idem", "there is nothing to choose from"),
    ],
)
def test_when_an_agent_decides(api: NaceApi, alice: Browser, text: str, words: str) -> None:
    shown = send(alice, "classify", text=text, top="5")
    assert words in shown.text
    assert ("No code is proposed" in shown.text) == (text == "idem")


def test_no_text_becomes_markup_or_a_command(api: NaceApi, alice: Browser) -> None:
    nasty = """</textarea><script>alert(1)</script> 'quoted' "$(id)" \\ é"""
    shown = send(alice, "classify", text=nasty, top="seven", language="klingon")
    assert shown.find(id="text").text == nasty  # type: ignore[union-attr]
    assert not [one for one in shown.find_all("script") if "alert" in one.text]
    assert not shown.select("#answer b")
    command = shown.find(id="classify-command")
    assert command is not None and command.text == curl(str(alice.base_url), nasty, 5, "")
    assert """'"'"'quoted'"'"' \\"$(id)\\" \\\\ é""" in command.text
    assert "$NACELLE_API_KEY" in command.text


def test_refusals_are_sentences(api: NaceApi, alice: Browser) -> None:
    assert "This text is too long" in said(send(alice, "classify", 422, text="x" * 300))


def test_french(api: NaceApi, platform: Platform) -> None:
    camille = platform.browser("camille", "fr")
    made = send(camille, "api-keys", name="répertoire")
    assert "Votre nouvelle clé répertoire" in made.text
    assert "200\u202f000 textes par jour" in made.text
    assert "une clé de ce nom" in said(send(camille, "api-keys", 409, name="répertoire"))
    shown = send(camille, "classify", text="boulangerie", top="5")
    assert "C'est une prévision, pas une décision" in shown.text
    assert "77,0\u00a0%" in shown.text


@pytest.mark.parametrize("text", ["boulangerie", "pain", "artisan", "idem"])
def test_no_english_stays_in_a_french_answer(text: str) -> None:
    names = {
        "prediction": predicted(text, 5),
        "kept": True,
        "text": "",
        "how_many": HOW_MANY,
        "languages": LANGUAGES,
        "stages": STAGES,
        "percent": str,
    }
    english, french = (texts(rendered("classify.html", one, **names)) for one in ("en", "fr"))
    given = {"Code", "Nomenclature", "NACE 2.1", "nace", *(title for _, title in TITLES)}
    assert french & english <= SAME | given


@pytest.mark.parametrize("administers", [False, True])
@pytest.mark.parametrize("quota", [0, 100])
def test_no_english_stays_on_the_french_page_of_keys(administers: bool, quota: int) -> None:
    key = {
        "id": "0123456789ab",
        "name": "register",
        "owner": "ann",
        "gone": True,
        "scopes": ["classify", "administer"],
        "rate": 1,
        "burst": 2,
        "daily_quota": quota,
        "last_used": None,
        "created": None,
        "revoked": None,
    }
    names = {
        "live": [key],
        "ended": [key],
        "made": key,
        "done": True,
        "limits": NaceKeys(daily_quota=quota),
        "administers": administers,
        "number": str,
    }
    english, french = (texts(rendered("api_keys.html", one, **names)) for one in ("en", "fr"))
    assert french & english <= SAME | {"register", "ann"}
