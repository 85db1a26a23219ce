// What a job type's script finds around it, for editors: they complete names, show these comments, and check types.
//
// Keep this file beside your scripts, together with jsconfig.json; `flamenco jobtypes new` puts both there. Say what
// things are with comments that JavaScript ignores:
//
//   /** @type {Flamenco.JobType} */
//   const JOB_TYPE = { … };
//
//   /** @param {Flamenco.Job} job */
//   function compileJob(job) { … }

declare namespace Flamenco {
  /** What a script declares as JOB_TYPE. */
  interface JobType {
    /** What people call the job type. */
    label: string;
    /** What a job of this type does, in a sentence. */
    description?: string;
    /** The settings of a job, in the order in which people see them. */
    settings: Setting[];
    /**
     * How long tasks may take, by their type, or `"*"` for all others: `{ "*": { maxRunTime: "2h", maxSilence: "20m" } }`.
     * A job may have others. Flamenco's own manager does not look at it.
     */
    timeLimits?: { [taskType: string]: TimeLimits };
    /**
     * What follows when a task fails, by what it logged; the first that matches decides, before those of the farm:
     * `{ match: "out of memory", taskTypes: ["render"], then: "retry_elsewhere", say: "{worker} is too small." }`.
     */
    failureRules?: FailureRule[];
    /** A job fails when so many percent of its tasks have failed, from 0, for the first, to 100, unless it says itself. */
    failPercent?: number;
    /** So many workers have to fail a task before it counts as failed, unless its job says something else. */
    tries?: number;
  }

  /** What follows when a task fails and a line of its log matches. */
  interface FailureRule {
    /** A regular expression, as Python has them, that some line of the end of the log fits; any, where it is missing. */
    match?: string;
    /** Only where the program of the task ended with this code. */
    exitCode?: number;
    /** Only for tasks of these types. */
    taskTypes?: string[];
    /** Only once so many workers have failed the task. */
    workers?: number;
    /** What follows, with a span where it says how long, such as `"retry_after 5m"`. */
    then:
      | "fail_job"
      | "fail_task"
      | "retry"
      | "retry_elsewhere"
      | `retry_after ${string}`
      | `hold_job ${string}`
      | "worker_error"
      | "blocklist";
    /** A sentence for people. `{name}` stands for a named group of `match`; there are also `{line}` and `{worker}`. */
    say?: string;
  }

  /** How long one attempt at a task may take, such as `"90s"`, `"10m"` or `"1h30m"`; `"0s"` is no limit. */
  interface TimeLimits {
    /** What takes longer is stopped, and tried by another worker. */
    maxRunTime?: string;
    /** What is done sooner has failed: it cannot have done its work. */
    minRunTime?: string;
    /** When for that long nothing comes of a task, no line in its log, no step, it is stopped, and tried by another. */
    maxSilence?: string;
  }

  /** One setting of a job type. Its value is in `job.settings`, by its key. */
  interface Setting {
    /** Name of the setting: letters, digits and underscores. */
    key: string;
    /** What its value is. `int32` is a whole number, `float` any number. */
    type: "string" | "int32" | "float" | "bool";
    /** Only for strings: what kind of path it is. `hashed_file_path` is a folder to which `/######` is appended. */
    subtype?: "file_path" | "dir_path" | "file_name" | "hashed_file_path";
    /** Only for strings: the values to choose from. */
    choices?: string[];
    /** Further arguments of the property in Blender's user interface, such as `{ min: 1, max: 32 }`. */
    propargs?: { [name: string]: any };
    /** What it is for, in a sentence. */
    description?: string;
    /** What people see as its name; made from the key where it is missing. */
    label?: string;
    /** The value of jobs that give none. Not every client fills it in. */
    default?: string | number | boolean;
    /** A Python expression that gives the value, computed by Blender's add-on when a job is submitted. */
    eval?: string;
    /** What Blender's user interface says about `eval`. */
    evalInfo?: EvalInfo;
    /** Who gets to see it: everyone, only those who submit, only the web interface, or nobody. */
    visible?: "visible" | "submission" | "web" | "hidden" | boolean;
    /** Whether a job has to have a value. */
    required?: boolean;
    /** Whether people may change the value in Blender; yes, unless this is false. */
    editable?: boolean;
    /** Names under which clients may give the value as well, such as one it had before. */
    aliases?: string[];
  }

  /** What Blender's user interface says about a setting's `eval`. */
  interface EvalInfo {
    /** Whether there is a button that makes the value follow the expression. */
    showLinkButton?: boolean;
    /** What the expression gives, in a few words. */
    description?: string;
  }

  /** The job that is being compiled. Assigning to a name that is not here is an error. */
  interface Job {
    /** UUID of the job. */
    jobID: string;
    /** What people call the job. */
    name: string;
    /** Name of the job type, such as `simple-blender-render`. */
    jobType: string;
    /** Jobs of higher priority come first; 50 is ordinary. */
    priority: number;
    /** UUID of the group of workers that may run the job; "" for all. */
    workerTagUUID: string;
    /** `under-construction`; what is assigned to it has no effect. */
    status: string;
    /** When the job was submitted. For paths and names, use `formatTimestampLocal(job.created)`. */
    get created(): Moment;
    set created(value: Date | string);
    /** The settings by their keys. Those nobody gave a value are missing. What is changed here is stored with the job. */
    settings: { [key: string]: any };
    /** Notes kept with the job, by name. Values are texts. */
    metadata: { [name: string]: any };
    /**
     * Texts that stand in commands as `{name}`, and are put in when a task is handed out: for what many commands have in
     * common, which is stored once. They come before the manager's variables of the same name. Flamenco's own manager
     * does not know this, so write `if ("variables" in job) …`.
     */
    variables: { [name: string]: string };
    /** Where the files of the job are. */
    readonly storage: Storage;
    /** Copies of the tasks that were added. */
    tasks: Task[];
    /**
     * Has the job wait for another one, given by its UUID. Flamenco's own manager does not know this, so write
     * `if ("dependsOn" in job) …`.
     */
    dependsOn(id: string, how?: DependsOn): void;
    /**
     * Has its frames come in another order than its tasks were added in: `backward`, `every 10` (every tenth first) or
     * `middle-out`. Whoever submits it may say something else. Write `if ("orderFrames" in job) …`.
     */
    orderFrames(order: "forward" | "backward" | "middle-out" | `every ${number}`): void;
    /**
     * Has some frames rendered first, such as `first,middle,last`, `every 50` or `1,40-42`, with all that they depend on,
     * and all others held until somebody approves. Write `if ("previewFrames" in job) …`.
     */
    previewFrames(frames: string, how?: PreviewFrames): void;
    /**
     * Has the job run on these workers alone, each given by its name or UUID, or as `tag:NAME` for all that have a tag.
     * Flamenco's own manager does not know this, so write `if ("allowWorkers" in job) …`.
     */
    allowWorkers(...workers: string[]): void;
    /** Has these workers get nothing of the job, allowed or not. */
    denyWorkers(...workers: string[]): void;
    /** Adds a copy of the task, as it is now: add its commands and dependencies before. */
    addTask(task: Task): void;
  }

  /** What follows once a preview is there. */
  interface PreviewFrames {
    /** A person is asked, unless all is to go on by itself: `continue`. */
    then?: "ask" | "continue";
    /** For how long somebody is waited for, such as `4h`; as long as it takes, where nothing is said. */
    continueAfter?: string;
  }

  /** How a job waits for another one. */
  interface DependsOn {
    /** For `all` of it, unless each task is to wait for those that have the same `frames` there. */
    kind?: "all" | "frames";
    /** Until it is `completed`, unless any end will do: `ended`. */
    when?: "completed" | "ended";
    /** Frame n waits for frame n + offset of the other job; with two numbers, for those from the one to the other. */
    offset?: number | [number, number];
  }

  /** A Date with further functions, which tell what the manager's clock shows. */
  interface Moment extends Date {
    /** Such as `2026-07-08 11:10:11.123 +0200 CEST`. */
    toString(): string;
    /** The same as `toString`. */
    string(): string;
    /** As in a layout of Go: `format("2006-01-02 15:04:05")` gives `2026-07-08 11:10:11`. */
    format(layout: string): string;
    /** Seconds since 1970. */
    unix(): number;
    /** Milliseconds since 1970. */
    unixMilli(): number;
    /** Microseconds since 1970. */
    unixMicro(): number;
    /** Nanoseconds since 1970, as exactly as JavaScript has them. */
    unixNano(): number;
    /** The year, such as 2026. */
    year(): number;
    /** The month: 1 to 12. */
    month(): number;
    /** The day of the month: 1 to 31. */
    day(): number;
    /** The day of the week: 0 is Sunday. */
    weekday(): number;
    /** The day of the year: 1 to 366. */
    yearDay(): number;
    /** The hour: 0 to 23. */
    hour(): number;
    /** The minute: 0 to 59. */
    minute(): number;
    /** The second: 0 to 59. */
    second(): number;
    /** What there is beyond whole seconds, in nanoseconds. */
    nanosecond(): number;
  }

  /** Where the files of a job are. */
  interface Storage {
    /** The checkout in Shaman's storage; "" when the job does not use it. */
    shamanCheckoutID: string;
  }

  /** What one worker does in one go. Made by `author.Task`. */
  interface Task {
    /** UUID of the task; written like this. */
    uUID: string;
    /** What people call the task. */
    name: string;
    /** Decides which workers may run it: those that list the type among theirs. */
    type: string;
    /** Among the tasks of a job, those of higher priority come first; 50 is ordinary. */
    priority: number;
    /**
     * Which frames the task is about, such as `1-10`, for jobs that wait frame by frame. It need not be said of commands
     * with a parameter `frames`, or of Blender's arguments. Flamenco's own manager does not know this, so write
     * `if ("frames" in task) …`.
     */
    frames: string;
    /**
     * Whether the job is fine without it; false. A job does not fail because an optional task did. Flamenco's own manager
     * does not know this and refuses the assignment, so write `if ("optional" in task) task.optional = true;`.
     */
    optional: boolean;
    /** The commands, which run one after the other. */
    commands: Command[];
    /** The tasks that have to be completed before. */
    dependencies: Task[];
    /** Adds a copy of the command, as it is now. */
    addCommand(command: Command): void;
    /** Makes this task wait until another, which has to be added to the same job, is completed. */
    addDependency(task: Task): void;
  }

  /** Something a worker can do. Made by `author.Command`. */
  interface Command {
    /** Name of the command, such as `exec` or `blender-render`. */
    name: string;
    /** The parameters by name. */
    parameters: { [name: string]: any } | null;
    /** How many steps it reports; 0 for a command that reports none. */
    totalStepCount: number;
  }

  /** Makes tasks and commands. */
  interface Author {
    /** Makes a task. The type decides which workers may run it: those that list it among theirs. */
    Task(name: string, type: string): Task;
    /** Makes a command. Give `totalStepCount` for one that reports its progress in steps, such as frames. */
    Command(name: string, parameters?: { [name: string]: any } | null, totalStepCount?: number): Command;
  }

  /** Paths of all platforms: both kinds of slashes are understood, results have forward ones. */
  interface Path {
    /** The last part: `/a/b.c` gives `b.c`. */
    basename(path: string): string;
    /** Everything before the last part: `/a/b.c` gives `/a`. */
    dirname(path: string): string;
    /** The parts as one path, without `.`, `..` and double slashes; those of `//server/share` stay. */
    join(...parts: string[]): string;
    /** The last part without its extension: `/a/b.c` gives `b`. */
    stem(path: string): string;
  }

  /** The manager's process. */
  interface Process {
    /** The manager's working directory. */
    cwd(): string;
    /** The manager's operating system: `linux`, `windows`, `darwin`, … */
    platform: string;
  }
}

/** Makes tasks and commands. */
declare var author: Flamenco.Author;

/** Paths of all platforms: both kinds of slashes are understood, results have forward ones. */
declare var path: Flamenco.Path;

/** The manager's process. */
declare var process: Flamenco.Process;

/** Writes a line for the author: to the manager's log, and to whoever uses `flamenco jobtypes`. */
declare function print(...values: any[]): void;

/** The same as a warning. */
declare function alert(...values: any[]): void;

/**
 * Cuts a range of frames into chunks: `frameChunker("1-7, 20", 3)` gives `["1-3", "4-6", "7,20"]`. Frames that go up one
 * by one are written as `1-3`, all others with commas: `"-1-1"` gives `"-1,0,1"`, `"9-7"` gives `"9,8,7"`, `"1-10x4"` gives
 * `"1,5,9"`. Each frame comes once; they are sorted, unless some go down. Throws when the range is empty or is none.
 */
declare function frameChunker(range: string, chunkSize: number): string[];

/** How many frames are in a range: `frameCount("1-7, 20")` gives 8. Throws when the range is empty or is none. */
declare function frameCount(range: string): number;

/** A time as the manager's clock shows it, for names of files: `2026-07-08_091011`. */
declare function formatTimestampLocal(timestamp: Date | string): string;

/** Text to base64; its characters are bytes, none beyond U+00FF. For other texts see `TextEncoder`. */
declare function btoa(text: string): string;

/** Base64 to text whose characters are bytes. */
declare function atob(base64: string): string;

/** Text to bytes of UTF-8: `new TextEncoder().encode("a")` gives a typed array. */
declare class TextEncoder {
  /** Always `utf-8`. */
  readonly encoding: string;
  /** The bytes of a text. */
  encode(text?: string): Uint8Array;
  /** Writes into an array what fits; tells how far it got in the text, and in the array. */
  encodeInto(text: string, bytes: Uint8Array): { read: number; written: number };
}

/** Bytes of UTF-8 to text: `new TextDecoder().decode(bytes)`. */
declare class TextDecoder {
  /** With `fatal`, bytes that are no UTF-8 are an error; with `ignoreBOM`, a mark of the byte order stays. */
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  /** Always `utf-8`. */
  readonly encoding: string;
  /** Whether bytes that are no UTF-8 are an error. */
  readonly fatal: boolean;
  /** Whether a mark of the byte order stays. */
  readonly ignoreBOM: boolean;
  /** The text of the bytes. */
  decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}

/** Splits a command line into words as a shell does: `shellSplit("-a 'b c'")` gives `["-a", "b c"]`. */
declare function shellSplit(line: string): string[];

/**
 * Another script or JSON file of the job type folders: `require("./lib/names")` gives what `lib/names.js` assigns to
 * `module.exports`. `author`, `path` and `process` are there as modules as well.
 */
declare function require(name: string): any;

declare module "author" {
  export = author;
}
declare module "path" {
  export = path;
}
declare module "process" {
  export = process;
}
