// The form for a token. It is kept for this tab only, and sent with each call.
import {token} from "./api.js";
import {element, find, setText} from "./dom.js";

// `onToken` is called when the reader has given a token, or has had the page forget it. Returns
// ask(sentence), which shows the form with the server's reason, and accepted(), which puts it away.
export function signIn(onToken) {
  const input = element("input", {
    id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true,
    "aria-describedby": "sign-in-reason",
  });
  const reason = element("p", {id: "sign-in-reason", role: "alert"});
  const form = element(
    "form", {class: "row"},
    element("div", {class: "field grow"}, element("label", {for: "token"}, "Token"), input),
    element("button", {class: "primary"}, "Sign in"));
  const section = find("#sign-in");
  section.append(
    element("h2", {}, "Sign in"), reason, form,
    element("p", {class: "note"}, "The token is kept for this tab only."));
  const signOut = find("#sign-out");

  const showState = () => (signOut.hidden = !token.get());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!input.value.trim()) return;
    token.set(input.value.trim());
    input.value = "";
    showState();
    onToken();
  });
  signOut.addEventListener("click", () => {
    token.forget();
    showState();
    onToken();
  });
  showState();

  return {
    ask(sentence) {
      const first = section.hidden;
      section.hidden = false;
      setText(reason, sentence);
      if (first) input.focus();
    },
    accepted() {
      section.hidden = true;
    },
  };
}
