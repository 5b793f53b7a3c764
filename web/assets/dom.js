// Makes and fills elements. Text stays text: nothing here reads HTML.

// element("a", {href: "/docs", class: "quiet"}, "API", ...) -> an element with attributes and
// children; an attribute that is null, undefined or false is left out.
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

// The pieces of a text for append(): what stands between backquotes is code.
export const withCode = (text) =>
  text.split("`").map((piece, index) => (index % 2 === 1 ? element("code", {}, piece) : piece));

export const find = (selector) => document.querySelector(selector);

// Sets text only where it changes: screen readers speak of each change in a live region.
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

// A button that copies what `text()` returns. Where the page may not use the clipboard, it selects
// `source` for the reader to copy.
export function copyButton(label, text, source) {
  const button = element("button", {type: "button", class: "quiet", "aria-label": label}, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(source);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return button;
}
