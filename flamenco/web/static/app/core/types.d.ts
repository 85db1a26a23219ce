/** What the manager's own API (`/api/x`) answers, as far as the page reads it. */

export type TaskStatus = "active" | "canceled" | "completed" | "failed" | "paused" | "queued" | "soft-failed";
export type JobStatus =
  | "active"
  | "cancel-requested"
  | "canceled"
  | "completed"
  | "failed"
  | "pause-requested"
  | "paused"
  | "queued"
  | "requeueing"
  | "under-construction";
export type WorkerStatus = "" | "starting" | "awake" | "asleep" | "error" | "testing" | "offline" | "restart";
export type Counts = Record<string, number>;
export type Role = "viewer" | "artist" | "wrangler" | "admin" | "submit" | "view" | "register" | "worker";

export interface Named {
  id: string;
  name: string;
}

export interface Eta {
  earliest: string;
  latest: string;
  ground: string;
}

export interface JobRow extends Named {
  eta?: Eta;
  type: string;
  status: JobStatus;
  priority: number;
  activity: string;
  user: string;
  project: string;
  tag?: Named;
  created: string;
  updated: string;
  steps_completed: number;
  steps_total: number;
  tasks: Record<TaskStatus, number>;
  start_after?: string;
  start_after_reason?: string;
  preview?: "rendering" | "waiting" | "over";
  image?: string;
}

export interface Note {
  text: string;
  who: string;
  at: string;
}

export interface WorkerTimes {
  from: string;
  days: { at: string; seconds: number; completed: number; failed: number }[];
}

export interface NamedByJob extends Named {
  is_tag: boolean;
}

export interface SelfTest {
  is_asked: boolean;
  last?: {
    tested: string;
    findings: { subject: string; grade: "ok" | "note" | "problem"; text: string; help: string }[];
    kept_away: { command: string; reason: string }[];
  };
}

export interface Job extends JobRow {
  batch?: string;
  order?: string;
  previewed?: { frames: string; state: "rendering" | "waiting" | "over"; tasks: number; done: number; failed: number };
  max_workers?: number;
  workers_allowed?: NamedByJob[];
  workers_denied?: NamedByJob[];
  fail_percent?: number;
  tries?: number;
  note?: Note;
  settings: Record<string, unknown>;
  metadata: Record<string, string>;
  owner_is_claim: boolean;
  files?: { shaman_checkout_id: string; goes_with_it: boolean };
}

export type WaitState = "counting" | "waiting" | "broken" | "met" | "satisfied";

export interface Dependent {
  job: string;
  name: string;
  status: JobStatus;
  kind: "all" | "frames";
  state: WaitState;
}

export interface Dependency extends Omit<Dependent, "status"> {
  status?: JobStatus;
  when: "completed" | "ended";
  offset: [number, number];
  keeps_job: boolean;
  reason: string;
}

export interface Dependencies {
  waits_for: Dependency[];
  waited_for_by: Dependent[];
}

export interface TrashedJob extends JobRow {
  deleted: string;
  goes: string;
}

export interface Archive extends Named {
  file: string;
  size: number;
  type: string;
  status: JobStatus;
  user?: string;
  project?: string;
  created: string;
  archived: string;
  tasks: number;
}

export interface Retention {
  rules: { status: string; after: string; do: string; project?: string }[];
  total: number;
  jobs: (Named & { user?: string; project?: string; status: JobStatus; updated: string; do: string })[];
}

export interface TaskRow extends Named {
  index: number;
  type: string;
  status: TaskStatus;
  priority: number;
  updated: string;
  activity: string;
  worker?: Named;
  steps_completed: number;
  steps_total: number;
  activated?: string;
  failed_by: number;
}

export interface WorkerRow extends Named {
  status: WorkerStatus;
  address: string;
  platform: string;
  version: string;
  last_seen?: string;
  created: string;
  can_restart: boolean;
  approved: boolean;
  warning?: string;
  tags: Named[];
  task?: Named & { job_id: string; job_name: string; steps_completed: number; steps_total: number };
  requested?: { status: WorkerStatus; is_lazy: boolean };
  sleep?: { active: boolean; asleep_now: boolean; next?: string };
}

export interface Attempt {
  number: number;
  worker?: Named;
  started: string;
  ended?: string;
  seconds: number;
  outcome: "active" | "completed" | "failed" | "canceled" | "requeued" | "lost" | string;
  reason: string;
  steps: number;
  log_offset?: number;
  task?: Named & { index: number };
}

export interface GivenTask {
  task: Named & { index: number };
  job: Named;
  given: string;
  seconds?: number;
  outcome?: Attempt["outcome"];
  reason: string;
}

export interface LimitState {
  name: string;
  capacity: number;
  in_use: number;
  waiting: number;
  waiting_jobs: number;
  first: (Named & { tasks: number })[];
}

export interface TaskCommand {
  name: string;
  parameters: Record<string, unknown>;
  line?: string;
  problem?: string;
}

export interface TaskCommands {
  platform: string;
  platforms: string[];
  commands: TaskCommand[];
}

export interface JobGroup {
  name?: string;
  total: number;
  counts: Counts;
  steps_completed: number;
  steps_total: number;
  updated: string;
}

export interface JobChange {
  number: number;
  created: string;
  who: string;
  operation: string;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export interface JobTimes {
  elapsed_s?: number;
  worker_s: number;
  median_s?: number;
  workers: number;
  eta?: Eta;
  by_worker: { worker?: Named; seconds: number; tasks: number }[];
}

export interface Series {
  step_s: number;
  from: string;
  to: string;
  points: { at: string; busy_workers: number; workers: number; completed: number; failed: number; seconds: number }[];
}

export interface Me {
  mode: "open" | "lan" | "login";
  role: Role;
  way: string;
  name?: string;
}

export interface Token extends Named {
  role: Role;
  created: string;
  user?: string;
  expires?: string;
  last_used?: string;
}

export interface FarmEvent {
  id: number;
  created: string;
  topic: string;
  payload: Record<string, any>;
}

export interface Explanation {
  job: Named & { status: JobStatus; priority: number; activity: string };
  position?: number;
  open_jobs: number;
  rank?: number;
  terms: { policy: string; score: number; weight: number; reason: string }[];
  holds: { policy: string; reason: string }[];
  running: number;
  waiting: { why: string; reason: string; count: number; tasks: string[] }[];
  failed: { index_in_job: number; name: string; status: TaskStatus; why: string }[];
  time_limits: { task_type: string; text: string }[];
}
