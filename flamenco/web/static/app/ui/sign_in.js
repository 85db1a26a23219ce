/** The way to sign in, which leads back to where one was. */

import { html } from "../core/lib.js";
import { BASE, place } from "../core/place.js";
import { strings } from "../core/strings.js";

export function SignIn() {
  const { path, params } = place.value;
  const here = params.size ? `${path}?${params}` : path;
  return html`<a class="button" data-outside href=${`${BASE}sign-in?${new URLSearchParams({ next: here })}`}>${strings.sign.in}</a>`;
}
