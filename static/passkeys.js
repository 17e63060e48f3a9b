// Passkeys: a form with data-passkey gets the browser's response before it is sent.
// Without this script, or in browsers without passkeys, these forms stay hidden.
"use strict";

{
  const WAYS = { create: createPasskey, get: usePasskey };

  // Base64url, as options and responses have it. Browsers of before 2025 convert neither.
  function toBytes(text) {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, (character) => character.charCodeAt(0));
  }

  function toText(buffer) {
    const plain = btoa(String.fromCharCode(...new Uint8Array(buffer)));
    return plain.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  function withBytes(credentials) {
    return credentials?.map((credential) => ({ ...credential, id: toBytes(credential.id) }));
  }

  async function createPasskey(options) {
    const { id, type, response } = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: toBytes(options.challenge),
        user: { ...options.user, id: toBytes(options.user.id) },
        excludeCredentials: withBytes(options.excludeCredentials),
      },
    });
    return { id, rawId: id, type, response: toTexts(response, "attestationObject") };
  }

  async function usePasskey(options) {
    const { id, type, response } = await navigator.credentials.get({
      publicKey: { ...options, challenge: toBytes(options.challenge) },
    });
    const names = ["authenticatorData", "signature", "userHandle"];
    return { id, rawId: id, type, response: toTexts(response, ...names) };
  }

  function toTexts(response, ...names) {
    const present = ["clientDataJSON", ...names].filter((name) => response[name]);
    return Object.fromEntries(present.map((name) => [name, toText(response[name])]));
  }

  async function fetchOptions(form) {
    const response = await fetch(form.dataset.options, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "X-CSRFToken": form.elements.csrfmiddlewaretoken.value,
      },
      body: "{}",
    });
    const body = await response.json();
    if (!response.ok) throw new Error(body.detail);
    return body.options;
  }

  async function send(form) {
    const problem = form.querySelector("[role=alert]");
    problem.textContent = "";
    try {
      const options = await fetchOptions(form);
      const passkey = await WAYS[form.dataset.passkey](options);
      form.elements.passkey.value = JSON.stringify(passkey);
      form.submit(); // without another submit event
    } catch (error) {
      // The browser's own sentences are in its language, and about the API.
      const own = error.name === "InvalidStateError" ? form.dataset.present : form.dataset.failed;
      problem.textContent = error.name === "Error" ? error.message : own;
    }
  }

  if (window.PublicKeyCredential) {
    for (const form of document.querySelectorAll("form[data-passkey]")) {
      form.hidden = false;
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        send(form);
      });
    }
  }
}
