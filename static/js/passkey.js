// Passkeys: added, used by a button, and offered where the e-mail is typed.

const packed = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const unpacked = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));

const withBytes = (options) => {
  const named = (list) => list?.map((one) => ({ ...one, id: unpacked(one.id) }));
  return {
    ...options,
    challenge: unpacked(options.challenge),
    ...(options.user && { user: { ...options.user, id: unpacked(options.user.id) } }),
    ...(options.allowCredentials && { allowCredentials: named(options.allowCredentials) }),
    ...(options.excludeCredentials && { excludeCredentials: named(options.excludeCredentials) }),
  };
};

const asJSON = (credential) => {
  const { response } = credential;
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const present = parts.filter((part) => response[part]);
  return {
    id: credential.id,
    rawId: packed(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    response: {
      ...Object.fromEntries(present.map((part) => [part, packed(response[part])])),
      ...(response.getTransports && { transports: response.getTransports() }),
    },
  };
};

// What the browser itself refuses, in our words.
const WORDS = {
  NotAllowedError: "No passkey was used. Try again, or go on without one.",
  InvalidStateError: "This device has a passkey for your account already.",
  SecurityError: "Passkeys work only at this site's own address. Check it in the address bar.",
  NotSupportedError: "This device cannot make a passkey that this site takes.",
};

class Offer {
  constructor(button) {
    this.form = button.form;
    this.way = button.dataset.passkey;
    this.told = this.form.querySelector("[data-told]");
    this.button = button;
    button.hidden = this.form.hidden = false;
    button.addEventListener("click", () => this.press());
    // What has no other button is sent by Enter: in a form of no dialog that does nothing else.
    if (this.form.method === "dialog") this.form.addEventListener("submit", () => this.press());
  }

  async send(path, body = {}) {
    const answer = await fetch(path, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/json",
        "X-CSRFToken": this.form.elements.csrf_token.value,
      },
      body: JSON.stringify(body),
    });
    const told = await answer.json();
    if (answer.status === 401 && this.way === "/account/passkeys") {
      location.assign(`/prove?next=${this.way}`);
    }
    if (!answer.ok) throw new Error(told.detail);
    return told;
  }

  async ask(more = {}) {
    const publicKey = withBytes(await this.send(`${this.way}/options`));
    const ways = navigator.credentials;
    return publicKey.user ? ways.create({ publicKey }) : ways.get({ publicKey, ...more });
  }

  async finish(credential) {
    const { next, remember, name } = this.form.elements;
    const more = { next: next?.value, remember: remember?.checked, name: name?.value };
    const told = await this.send(this.way, { credential: asJSON(credential), ...more });
    location.assign(told.next);
  }

  async press() {
    const { name } = this.form.elements;
    if (this.button.disabled || (name && !name.reportValidity())) return;
    this.waiting?.abort();
    this.told.hidden = true;
    this.button.disabled = true;
    try {
      await this.finish(await this.ask());
    } catch (error) {
      this.tell(error);
      this.button.disabled = false;
    }
  }

  tell(error) {
    this.told.textContent = WORDS[error.name] ?? error.message;
    this.told.hidden = false;
  }

  // Where the e-mail is typed; asked for anew before what was asked for runs out, and after a refusal a few times.
  async wait() {
    for (let refusals = 0; refusals < 3; ) {
      const waiting = (this.waiting = new AbortController());
      const renewing = setTimeout(() => waiting.abort("renew"), 240_000);
      const credential = await this.ask({ mediation: "conditional", signal: waiting.signal }).catch(() => null);
      clearTimeout(renewing);
      if (credential) {
        this.told.hidden = true;
        try {
          return await this.finish(credential);
        } catch (error) {
          this.tell(error);
          refusals += 1;
        }
      } else if (waiting.signal.reason !== "renew") {
        return;
      }
      if (document.hidden) await new Promise((go) => addEventListener("visibilitychange", go, { once: true }));
    }
  }
}

// A passkey belongs to a name: at an address of numbers no browser makes or uses one.
const isNamed = !/^[\d.]+$|:/.test(location.hostname);

if (window.PublicKeyCredential && isNamed) {
  for (const button of document.querySelectorAll("[data-passkey]")) {
    const offer = new Offer(button);
    const field = offer.form.querySelector("[autocomplete~=webauthn]");
    if (field && (await PublicKeyCredential.isConditionalMediationAvailable?.())) offer.wait();
  }
} else {
  for (const note of document.querySelectorAll("[data-no-passkey]")) note.hidden = false;
}
