/** Which view is at which address. A view that only some people open is loaded when one does. */

import { later } from "../ui/later.js";
import { Farm } from "../views/farm.js";
import { Job } from "../views/job.js";
import { Jobs } from "../views/jobs.js";
import { Submit, SubmitList } from "../views/submit.js";
import { Tags } from "../views/tags.js";
import { Task } from "../views/task.js";
import { Wall } from "../views/wall.js";
import { Worker } from "../views/worker.js";
import { Workers } from "../views/workers.js";

/** @typedef {{pattern: RegExp, view: (props: any) => any, names: string[]}} Route */

/** @type {Route[]} */
const ROUTES = [
  route("/", Farm),
  route("/jobs", Jobs),
  route("/jobs/:id", Job),
  route("/jobs/:job/tasks/:id", Task),
  route("/workers", Workers),
  route("/workers/:id", Worker),
  route("/tags", Tags),
  route("/submit", SubmitList),
  route("/submit/:name", Submit),
  route("/wall", Wall),
  route(
    "/plugins/:plugin/:path",
    later(async () => (await import("../views/later/plugin_page.js")).PluginPageView),
  ),
  route(
    "/me",
    later(async () => (await import("../views/later/me.js")).Me),
  ),
  route(
    "/connect",
    later(async () => (await import("../views/later/connect.js")).Connect),
  ),
  route(
    "/users",
    later(async () => (await import("../views/later/users.js")).Users),
  ),
  route(
    "/audit",
    later(async () => (await import("../views/later/audit.js")).Audit),
  ),
  route(
    "/trash",
    later(async () => (await import("../views/later/trash.js")).Trash),
  ),
  route(
    "/archives",
    later(async () => (await import("../views/later/archives.js")).Archives),
  ),
  ...["/settings", "/settings/:topic"].map((path) =>
    route(
      path,
      later(async () => (await import("../views/later/settings.js")).Settings),
    ),
  ),
  ...["/setup", "/setup/:step"].map((path) =>
    route(
      path,
      later(async () => (await import("../views/later/setup.js")).SetUp),
    ),
  ),
];

/**
 * @param {string} path
 * @param {(props: any) => any} view
 * @returns {Route}
 */
function route(path, view) {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name]) => `${name}`);
  return { pattern: new RegExp(`^${path.replace(/:\w+/g, "([^/]+)")}/?$`), view, names };
}

/**
 * The view at a path, and what the path says; null where there is none.
 * @param {string} path
 */
export function viewAt(path) {
  for (const { pattern, view, names } of ROUTES) {
    const found = pattern.exec(path);
    if (found)
      return {
        view,
        props: Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(found[at + 1] ?? "")])),
      };
  }
  return null;
}
