/** Numbers, times and spans as people read them, in their language. */

import { signal } from "./lib.js";
import { strings } from "./strings.js";

/** The present moment, in milliseconds, as old as ten seconds; what shows an age reads it. */
export const now = signal(Date.now());
setInterval(() => {
  now.value = Date.now();
}, 10_000);

const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: "auto", style: "narrow" });
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["year", 31_557_600],
  ["month", 2_629_800],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/**
 * How long ago, or until when: "3 min ago".
 * @param {string | undefined} moment
 */
export function ago(moment) {
  if (!moment) return strings.never;
  const seconds = (Date.parse(moment) - Math.max(now.value, Date.now())) / 1000;
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  return RELATIVE.format(Math.round(seconds / size), unit);
}

/**
 * A moment in full.
 * @param {string | undefined} moment
 */
export const exact = (moment) => (moment ? EXACT.format(new Date(moment)) : strings.never);

/**
 * When something will be, as a clock says it.
 * @param {string} moment
 */
export function clock(moment) {
  const date = new Date(moment);
  return (date.getTime() - Date.now() < 12 * 3_600_000 ? CLOCK : DAY).format(date);
}

/**
 * A span of time: "2 h 05 min".
 * @param {number} seconds
 */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600).toLocaleString()} h ${two(Math.floor(whole / 60) % 60)} min`;
}

/** @param {number} number */
const two = (number) => `${number}`.padStart(2, "0");

/**
 * A size in bytes.
 * @param {number} bytes
 */
export function size(bytes) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  let left = bytes;
  for (; left >= 1000 && at < units.length - 1; at += 1) left /= 1000;
  return `${left.toLocaleString(undefined, { maximumFractionDigits: at && left < 10 ? 1 : 0 })} ${units[at]}`;
}

/**
 * How much of it is done, from 0 to 100, and never 100 while anything is missing.
 * @param {number} completed
 * @param {number} total
 */
export const percent = (completed, total) => (total ? Math.floor((100 * completed) / total) : 0);
