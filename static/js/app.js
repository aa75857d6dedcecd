const words = (seconds) => {
  const count = (n, unit) => (n ? `${n} ${unit}${n === 1 ? "" : "s"}` : "");
  const hours = count(Math.floor(seconds / 3600), "hour");
  const minutes = count(Math.floor(seconds / 60) % 60, "minute");
  return [hours, minutes, count(seconds % 60, "second")].filter(Boolean).join(" ");
};

const countDown = (form) => {
  const ends = Date.now() + form.dataset.retryAfter * 1000;
  const button = form.querySelector("[type=submit]");
  const alert = form.querySelector("[role=alert]");
  const timer = document.createElement("p");
  // A timer is read on demand; the alert beside it speaks only at the start and at the end.
  timer.setAttribute("role", "timer");
  button.disabled = true;
  const ticking = setInterval(() => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    if (left > 0) {
      timer.textContent = `Try again in ${words(left)}.`;
      alert.lastElementChild.hidden = true;
      alert.after(timer);
      return;
    }
    clearInterval(ticking);
    delete form.dataset.retryAfter;
    timer.remove();
    alert.textContent = "You can try again now.";
    alert.parentElement.className = "notice";
    button.disabled = false;
  }, 1000);
};

const offerReveal = (input) => {
  const button = document.createElement("button");
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? "Hide" : "Show";
    button.setAttribute("aria-label", shown ? "Hide password" : "Show password");
  };
  button.className = "reveal";
  button.type = "button";
  input.autocapitalize = "none";
  input.spellcheck = false;
  input.after(button);
  button.addEventListener("click", () => {
    const { selectionStart, selectionEnd } = input;
    show(input.type === "password");
    // Some browsers send the caret home when the type changes.
    input.setSelectionRange(selectionStart, selectionEnd);
  });
  input.form.addEventListener("submit", () => show(false));
  show(false);
};

const sendOnce = (form) => {
  const button = form.querySelector("[type=submit]");
  const release = () => {
    if (!form.dataset.retryAfter) button.disabled = false;
  };
  form.addEventListener("submit", () => {
    button.disabled = true;
    setTimeout(release, 8000);
  });
  addEventListener("pageshow", (event) => event.persisted && release());
};

const localise = (time) => {
  const moment = new Date(time.dateTime);
  if (Number.isNaN(moment.valueOf())) return;
  const english = navigator.languages.find((tag) => tag.startsWith("en")) ?? "en-GB";
  time.title = time.textContent;
  time.textContent = moment.toLocaleString(english, { dateStyle: "medium", timeStyle: "short" });
};

document.querySelectorAll("input[type=password]").forEach(offerReveal);
if (document.querySelector("[autocomplete=new-password]")) import("/static/js/advice.js?v=cc3a55a3eb70");
// What is saved as a file leaves the page as it is, and the browser tells of it.
document.querySelectorAll("form[method=post]:not([data-download])").forEach(sendOnce);
document.querySelectorAll("form[data-retry-after]").forEach(countDown);
document.querySelectorAll("time").forEach(localise);
const faulty = document.querySelector("[aria-invalid], form:not([data-retry-after]) [aria-describedby=refusal]");
if (document.activeElement === document.body) faulty?.focus();
