// Dark or light: what the reader chose on this page before, or else what the system says. A plain
// script in the head, so that the first paint is right already.
"use strict";

{
  const KEY = "nextid-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;

  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;  // Storage is blocked: the system decides.
    }
  };
  const apply = () => {
    root.dataset.theme = stored() ?? (system.matches ? "dark" : "light");
    document.querySelector("#theme")?.setAttribute("aria-pressed", root.dataset.theme === "dark");
  };
  const toggle = () => {
    const chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      root.dataset.theme = chosen;
      return;
    }
    apply();
  };

  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply);  // Another tab.
  addEventListener("DOMContentLoaded", () => {
    document.querySelector("#theme").addEventListener("click", toggle);
    apply();
  });
}
