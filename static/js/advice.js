// Advice at a new password while it is typed. Nothing of it leaves the page; what is on a list is told after sending.

const SITE = "netflix";
const ROWS = ["abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];
const LETTERS = { 4: "a", "@": "a", 8: "b", 3: "e", 6: "g", 1: "i", "!": "i", 0: "o", $: "s", 5: "s", 7: "t" };
// No more than a year stands beside what is guessed at once.
const YEAR = 4;
const RUN = 4;
const LONG = 15;
const QUIET_FOR = 500;

const turned = (text) => [...text].reverse().join("");
const read = (text, letters) => [...text].map((sign) => letters[sign] ?? sign).join("");
const bare = (text) => text.replace(/[^\p{L}\p{N}]/gu, "");
const without = (text, words) => words.reduce((left, word) => left.replaceAll(word, "").replaceAll(turned(word), ""), text);
const isLittle = (left, text) => left !== text && bare(left).length <= YEAR;

const context = (form) => {
  const email = (form.querySelector("#email")?.value ?? "").trim().toLowerCase();
  const [local, domain = ""] = email.split("@");
  const parts = [location.hostname, domain].flatMap((host) => host.split(".").slice(0, -1));
  const words = [SITE, location.hostname, email, local, bare(local), domain, ...local.split(/[^\p{L}]+/u), ...parts];
  return [...new Set(words)].filter((word) => word.length > 2).sort((one, other) => other.length - one.length);
};

const runs = (text) => {
  const found = [];
  for (const row of [...ROWS, ...ROWS.map(turned)]) {
    for (let start = 0; start + RUN <= row.length; start += 1) {
      let end = start + RUN;
      if (!text.includes(row.slice(start, end))) continue;
      while (end < row.length && text.includes(row.slice(start, end + 1))) end += 1;
      found.push(row.slice(start, end));
    }
  }
  return found.sort((one, other) => other.length - one.length);
};

const weakness = (text, words) => {
  const forms = [text, read(text, LETTERS), read(text, { ...LETTERS, 1: "l" })];
  if (forms.some((form) => isLittle(without(form, words), form))) {
    return "that is close to this site's name or your e-mail.";
  }
  if (/^(.{1,100})\1+.?$/su.test(text) || new Set(text).size < 4) return "what is repeated is quickly guessed.";
  if (isLittle(without(text, runs(text)), text)) return "rows such as abc, 321 or qwerty are quickly guessed.";
  if (/^[\d\s./-]+$/.test(text) && text.length < LONG) return "dates and other numbers are quickly guessed.";
  if (forms.some((form) => /^\p{L}+[^\p{L}]{0,4}$/u.test(form)) && text.length < LONG) {
    return "if that is one word or name, it is quickly guessed.";
  }
  return "";
};

const advice = (input) => {
  const text = input.value.normalize("NFKC").toLowerCase();
  const missing = input.minLength - [...text].length;
  if (!text) return ["", ""];
  if (missing > 0) return ["weak", `Too short: ${missing} more character${missing === 1 ? "" : "s"}.`];
  const weak = weakness(text, context(input.form));
  if (weak) return ["weak", `Weak: ${weak} Add unrelated words.`];
  if ([...text].length < LONG) return ["fair", "Fair. Another unrelated word makes it good."];
  return ["good", "Good. Long, and no pattern that guessers start with."];
};

const advise = (input) => {
  const hint = input.closest(".field").querySelector(".hint");
  const told = document.createElement("p");
  told.className = "advice";
  told.setAttribute("role", "status");
  hint.before(told);
  let waiting;
  const tell = () => {
    const [strength, sentence] = advice(input);
    told.dataset.strength = strength;
    if (told.textContent !== sentence) told.textContent = sentence;
    // In the hint's place, so that the button does not move away from under a finger. It still describes the field.
    hint.hidden = sentence !== "";
  };
  // Spoken when the person pauses, not at each key.
  const tellSoon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(tell, QUIET_FOR);
  };
  input.addEventListener("input", tellSoon);
  input.form.querySelector("#email")?.addEventListener("input", tellSoon);
  // What was typed, or filled in by the browser, before this came.
  if (input.value) tellSoon();
};

document.querySelectorAll("input[autocomplete=new-password]").forEach(advise);
