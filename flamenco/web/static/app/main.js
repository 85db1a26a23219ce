/** Where the page begins. */

import { listenToKeys } from "./core/keys.js";
import { html, render } from "./core/lib.js";
import { live } from "./core/live.js";
import { followLinks } from "./core/place.js";
import { findPages } from "./core/plugin_pages.js";
import { keepTheme } from "./core/screen.js";
import { findOut } from "./core/session.js";
import { Shell } from "./ui/shell.js";

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
keepTheme();
followLinks();
listenToKeys();
app.replaceChildren();
render(html`<${Shell} />`, app);
findOut();
findPages();
live();
