/**
 * All that can be done to jobs, tasks and workers: one table, of which menus, keys, the palette and the bar of what is
 * chosen are made. What an action may be done to, the manager decides; what is offered follows the same rules.
 */

import {
  asking,
  newFrames,
  newOrder,
  newPriority,
  newRetries,
  newSchedule,
  newStart,
  newTag,
  newTags,
  newTimeLimits,
  sureDelete,
  surePurge,
  sureRemove,
} from "../ui/action_questions.js";
import { complain, say } from "../ui/notices.js";
import { change } from "./api.js";
import { mayManage, maySubmit } from "./session.js";
import { strings } from "./strings.js";

/** @typedef {"jobs" | "tasks" | "workers"} Kind */
/** @typedef {{ids: string[]} | {filter: Record<string, unknown>}} Target */
/** @typedef {{matched: number, done: number, next?: number, refused: {id: string, name: string, reason: string}[], refused_count: number, undo?: Undo[]}} Outcome */
/** @typedef {{ids: string[], action: string, arguments: Record<string, unknown>}} Undo */

/**
 * @typedef {object} Action
 * @property {Kind} kind
 * @property {string} name as the manager has it
 * @property {string} label
 * @property {string} icon
 * @property {string} [key]
 * @property {boolean} [isDangerous] it cannot be taken back, so it asks first
 * @property {boolean} [isForMany] one alone has fields for it on its own page
 * @property {(row: any) => boolean} fits
 * @property {Record<string, unknown>} [arguments]
 * @property {(rows: any[], count: number) => Promise<Record<string, unknown> | null>} [prepare] arguments; null: not to be
 */

const words = strings.actions;
const OVER = ["completed", "failed", "canceled"];
const GOES = ["active", "queued"];
/** What is done with jobs in the trash, and with none that are elsewhere. */
const OF_TRASH = ["undelete", "purge"];

/**
 * @param {{status: string}} row
 * @param {...string} statuses
 */
const is = (row, ...statuses) => statuses.includes(row.status);

/** @type {Action[]} */
export const ACTIONS = [
  { kind: "jobs", name: "pause", label: words.pause, icon: "pause", key: "p", fits: (job) => is(job, ...GOES) },
  {
    kind: "jobs",
    name: "resume",
    label: words.resume,
    icon: "play",
    key: "p",
    fits: (job) => is(job, "paused", "pause-requested"),
  },
  {
    kind: "jobs",
    name: "requeue",
    label: words.requeue,
    icon: "rotate-ccw",
    key: "r",
    fits: (job) => is(job, ...OVER, "paused", ...GOES),
  },
  {
    kind: "jobs",
    name: "requeue-failed",
    label: words["requeue-failed"],
    icon: "rotate-ccw",
    fits: (job) => job.tasks.failed > 0,
  },
  {
    kind: "jobs",
    name: "requeue-canceled",
    label: words["requeue-canceled"],
    icon: "rotate-ccw",
    fits: (job) => job.tasks.canceled > 0,
  },
  { kind: "jobs", name: "frames", label: words.frames, icon: "film", fits: () => true, prepare: newFrames },
  {
    kind: "jobs",
    name: "cancel",
    label: words.cancel,
    icon: "ban",
    key: "c",
    fits: (job) => is(job, ...GOES, "paused", "pause-requested"),
  },
  {
    kind: "jobs",
    name: "start-after",
    label: words["start-after"],
    icon: "clock",
    fits: (job) => is(job, ...GOES, "paused", "pause-requested"),
    prepare: newStart,
  },
  {
    kind: "jobs",
    name: "approve",
    label: words.approve,
    icon: "check",
    fits: (job) => is(job, ...GOES, "paused", "pause-requested") && ["rendering", "waiting"].includes(job.preview),
  },
  {
    kind: "jobs",
    name: "order",
    label: words.order,
    icon: "shuffle",
    fits: (job) => is(job, ...GOES, "paused", "pause-requested"),
    prepare: newOrder,
  },
  { kind: "jobs", name: "priority", label: words.priority, icon: "gauge", fits: () => true, prepare: newPriority },
  {
    kind: "jobs",
    name: "max-workers",
    label: words["max-workers"],
    icon: "gauge",
    fits: () => true,
    prepare: asking("max-workers"),
  },
  {
    kind: "jobs",
    name: "workers",
    label: words.workers,
    icon: "tag",
    fits: () => true,
    prepare: asking("workers"),
  },
  { kind: "jobs", name: "block", label: words.block, icon: "ban", fits: () => true, prepare: asking("block") },
  { kind: "jobs", name: "unblock", label: words.unblock, icon: "check", fits: () => true, prepare: asking("unblock") },
  { kind: "jobs", name: "note", label: words.note, icon: "info", fits: () => true, prepare: asking("note") },
  { kind: "jobs", name: "tag", label: words.tag, icon: "tag", fits: () => true, prepare: newTag },
  {
    kind: "jobs",
    name: "time-limits",
    label: words["time-limits"],
    icon: "clock",
    fits: () => true,
    prepare: newTimeLimits,
  },
  { kind: "jobs", name: "retries", label: words.retries, icon: "gauge", fits: () => true, prepare: newRetries },
  {
    kind: "jobs",
    name: "delete",
    label: words.delete,
    icon: "trash-2",
    isDangerous: true,
    fits: () => true,
    prepare: sureDelete,
  },
  {
    kind: "jobs",
    name: "undelete",
    label: words.undelete,
    icon: "undo-2",
    fits: () => true,
  },
  {
    kind: "jobs",
    name: "purge",
    label: words.purge,
    icon: "trash-2",
    isDangerous: true,
    fits: () => true,
    prepare: surePurge,
  },
  { kind: "jobs", name: "archive", label: words.archive, icon: "download", fits: (job) => is(job, ...OVER) },
  {
    kind: "tasks",
    name: "requeue",
    label: words["requeue-task"],
    icon: "rotate-ccw",
    key: "r",
    fits: (task) => is(task, ...OVER, "soft-failed", "active", "paused"),
  },
  {
    kind: "tasks",
    name: "requeue-elsewhere",
    label: words["requeue-elsewhere"],
    icon: "shuffle",
    fits: (task) => Boolean(task.worker) && is(task, ...OVER, "soft-failed", "active"),
  },
  {
    kind: "tasks",
    name: "cancel",
    label: words["cancel-task"],
    icon: "ban",
    key: "c",
    fits: (task) => is(task, "active", "queued", "soft-failed", "paused"),
  },
  { kind: "tasks", name: "skip", label: words.skip, icon: "check", fits: (task) => !is(task, "completed") },
  ...lazyOrNot("sleep", words.sleep, "moon-star", (worker) => is(worker, "awake", "starting", "testing")),
  { kind: "workers", name: "wakeup", label: words.wakeup, icon: "sun", fits: (worker) => is(worker, "asleep") },
  ...lazyOrNot("shutdown", words.shutdown, "power", (worker) => !is(worker, "offline", "")),
  ...lazyOrNot("restart", words.restart, "refresh-cw", (worker) => worker.can_restart && !is(worker, "offline", "")),
  {
    kind: "workers",
    name: "self-test",
    label: words["self-test"],
    icon: "gauge",
    fits: (worker) => !is(worker, "offline", ""),
  },
  {
    kind: "workers",
    name: "cancel-request",
    label: words["cancel-request"],
    icon: "undo-2",
    fits: (worker) => Boolean(worker.requested),
  },
  {
    kind: "workers",
    name: "tags",
    label: words.tags,
    icon: "tag",
    isForMany: true,
    fits: () => true,
    prepare: newTags,
  },
  {
    kind: "workers",
    name: "schedule",
    label: words.schedule,
    icon: "moon",
    isForMany: true,
    fits: () => true,
    prepare: newSchedule,
  },
  { kind: "workers", name: "note", label: words.note, icon: "info", fits: () => true, prepare: asking("note") },
  {
    kind: "workers",
    name: "put-away",
    label: words["put-away"],
    icon: "folder",
    fits: (worker) => !worker.put_away && is(worker, "offline", "error", "registered"),
  },
  {
    kind: "workers",
    name: "bring-back",
    label: words["bring-back"],
    icon: "undo-2",
    fits: (worker) => Boolean(worker.put_away),
  },
  { kind: "workers", name: "heal", label: words.heal, icon: "check", fits: (worker) => Boolean(worker.sick) },
  { kind: "workers", name: "approve", label: words.approve, icon: "check", fits: (worker) => !worker.approved },
  {
    kind: "workers",
    name: "remove",
    label: words.remove,
    icon: "trash-2",
    isDangerous: true,
    fits: () => true,
    prepare: sureRemove,
  },
];

/**
 * @param {string} name
 * @param {string} label
 * @param {string} icon
 * @param {(worker: any) => boolean} fits
 * @returns {Action[]}
 */
function lazyOrNot(name, label, icon, fits) {
  return [
    { kind: "workers", name, label: `${label} ${words.lazily}`, icon, fits, arguments: { lazy: true } },
    { kind: "workers", name, label: `${label} ${words.atOnce}`, icon, fits, arguments: { lazy: false } },
  ];
}

/** @param {any} row */
const isInTrash = (row) => Boolean(row.deleted);

/**
 * What can be done to these.
 * @param {Kind} kind
 * @param {any[]} rows those that are known, of which one that it fits is enough
 */
export function actionsFor(kind, rows) {
  if (!(kind === "workers" ? mayManage : maySubmit).value) return [];
  return ACTIONS.filter(
    (action) =>
      action.kind === kind && rows.some((row) => isInTrash(row) === OF_TRASH.includes(action.name) && action.fits(row)),
  );
}

/**
 * Do it, and say what became of it.
 * @param {Action} action
 * @param {Target} target
 * @param {any[]} rows those of the target that are known
 * @param {number} [count] how many it is to be done to
 */
export async function act(action, target, rows, count = rows.length) {
  const prepared = action.prepare ? await action.prepare(rows, count) : {};
  if (!prepared) return;
  await carryOut(action.kind, action.label.replace(/ …$/, ""), {
    ...target,
    action: action.name,
    arguments: { ...action.arguments, ...prepared },
  });
}

/**
 * @param {Kind} kind
 * @param {string} label
 * @param {Record<string, unknown>} body
 */
async function carryOut(kind, label, body) {
  try {
    let done = 0;
    let after = 0;
    /** @type {Undo[]} */
    const undos = [];
    /** @type {Outcome} */
    let outcome;
    do {
      outcome = await change("POST", `x/${kind}/actions`, { ...body, after });
      after = outcome.next ?? 0;
      done += outcome.done;
      undos.push(...(outcome.undo ?? []));
    } while (outcome.next !== undefined);
    tell(kind, label, done, outcome, undos);
  } catch (error) {
    complain(error);
  }
}

/**
 * @param {Kind} kind
 * @param {string} label
 * @param {number} done
 * @param {Outcome} outcome
 * @param {Undo[]} undos
 */
function tell(kind, label, done, outcome, undos) {
  const refused = outcome.refused_count ? `, ${words.refused(outcome.refused_count)}` : "";
  const details = outcome.refused.slice(0, 5).map(({ name, reason }) => `${name}: ${reason}`);
  /** @type {{details: string[], isError: boolean, undo?: () => void}} */
  const more = { details, isError: !done && Boolean(refused) };
  if (undos.length) {
    more.undo = async () => {
      for (const undo of undos) await carryOut(kind, `${words.undo}: ${label}`, { ...undo });
    };
  }
  say(`${words.done(label, done)}${refused}`, more);
}
