"""A browser without JavaScript that follows links and sends forms as they are in the page."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from apps.accounts.models import User
from tests.web.conftest import Browser


@dataclass
class Control:
    """A link or a button. `label` is its accessible name: its `aria-label`, else its text."""

    attributes: dict[str, str]
    text: str = ""

    @property
    def label(self) -> str:
        return " ".join((self.attributes.get("aria-label") or self.text).split())


@dataclass
class Form:
    """A form with the values that it has when the page opens."""

    attributes: dict[str, str]
    values: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    buttons: list[Control] = field(default_factory=list)


class Page(HTMLParser):
    """The links and forms of a page, and its text. Templates are inert and left out, <noscript> is not."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.forms: list[Form] = []
        self.links: list[Control] = []
        self.text = ""
        self._form: Form | None = None
        self._open: list[tuple[str, Control]] = []
        self._textarea: str | None = None
        self._select: str | None = None
        self._inert = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in {"template", "script"}:
            self._inert += 1
        if self._inert:
            return
        if tag == "form":
            self._form = Form(attributes)
            self.forms.append(self._form)
        elif tag in {"a", "button"}:
            control = Control(attributes)
            self._open.append((tag, control))
            if "href" in attributes:
                self.links.append(control)
            elif self._form and attributes.get("type", "submit") == "submit":
                self._form.buttons.append(control)
        elif self._form:
            self._add_field(tag, attributes)

    def _add_field(self, tag: str, attributes: dict[str, str]) -> None:
        form, name = self._form, attributes.get("name", "")
        assert form
        if tag in {"input", "textarea", "select"} and name:
            form.names.add(name)
        if tag == "input":
            if attributes.get("type") not in {"checkbox", "radio"}:
                form.values[name] = attributes.get("value", "")
            elif "checked" in attributes:
                form.values[name] = attributes.get("value", "on")
        elif tag == "textarea":
            form.values[name], self._textarea = "", name
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in attributes or self._select not in form.values):
            form.values[self._select] = attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"template", "script"}:
            self._inert -= 1
        elif tag == "form":
            self._form = None
        elif tag == "textarea":
            self._textarea = None
        elif tag == "select":
            self._select = None
        elif self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._inert:
            return
        if self._textarea and self._form:
            self._form.values[self._textarea] += data.removeprefix("\n")
        self.text += data
        for _, control in self._open:
            control.text += data


class PlainBrowser:
    """Opens pages, presses links and buttons by their names, and keeps cookies. Every form needs its CSRF token.

    `status`: of the page that a form leads to.
    """

    def __init__(self, user: User | None = None, *, user_agent: str = "Mozilla/5.0 Firefox/140") -> None:
        self._browser = Browser(user, enforce_csrf_checks=True)
        self._browser.defaults["HTTP_USER_AGENT"] = user_agent
        self.url = "/"
        self.page = Page("")

    def open(self, path: str) -> Page:
        return self._show(self._browser.get(path, headers={"Referer": self._absolute(self.url)}), path)

    def press_link(self, label: str) -> Page:
        links = [link for link in self.page.links if link.label.startswith(label)]
        assert links, f"There is no link {label!r} in {self.url}."
        return self.open(self._path(links[0].attributes["href"]))

    def press(self, label: str, within: str = "", *, status: int = 200, **values: str) -> Page:
        """Fill the fields `values` of the form with this button, and send it. `within`: a part of the form's action."""
        found = [
            (form, button)
            for form in self.page.forms
            for button in form.buttons
            if button.label.startswith(label) and within in self._action(form, button)
        ]
        assert found, f"There is no button {label!r} in {self.url}."
        form, button = found[0]
        assert set(values) <= form.names, set(values) - form.names
        data = form.values | values
        if button.attributes.get("name"):
            data[button.attributes["name"]] = button.attributes.get("value", "")
        path = self._path(self._action(form, button) or self.url)
        method = form.attributes.get("method", "get").lower()
        headers = {"Referer": self._absolute(self.url)}
        return self._show(getattr(self._browser, method)(path, data, headers=headers), path, status)

    def _action(self, form: Form, button: Control) -> str:
        return button.attributes.get("formaction") or form.attributes.get("action", "")

    def _show(self, response: Any, path: str, status: int = 200) -> Page:
        for _ in range(5):
            if response.status_code not in {301, 302, 303}:
                break
            path = self._path(response.headers["Location"])
            response = self._browser.get(path, headers={"Referer": self._absolute(self.url)})
        assert response.status_code == status, (response.status_code, path)
        self.url = path
        self.page = Page(response.content.decode())
        return self.page

    def _absolute(self, path: str) -> str:
        return urljoin("http://testserver/", path)

    def _path(self, href: str) -> str:
        url = urlsplit(urljoin(self._absolute(self.url), href))
        return f"{url.path}?{url.query}" if url.query else url.path
