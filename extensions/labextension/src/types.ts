/** What the jobs service sends and takes, as nacelle/jobs writes it. Times are ISO 8601 in UTC. */

/** A sentence in both languages. */
export interface Said {
  en: string;
  fr: string;
}

export type Scalar = string | number | boolean;
export type Plain = Scalar | Scalar[];

export type ValueType =
  | 'text'
  | 'whole'
  | 'number'
  | 'yes-no'
  | 'date'
  | 'date-time'
  | 'list'
  | 'secret';

/** One parameter of a notebook; a computed default is no literal and is shown as it is written. */
export interface FormField {
  name: string;
  type: ValueType | 'computed';
  default: Plain | null;
  code: string;
  help: string;
  choices: Scalar[];
  items: ValueType;
}

export interface Form {
  fields: FormField[];
  cell: number | null;
  problem: Said | null;
}

/** Where a key or token seems to stand; cells and lines count from 1. */
export interface Finding {
  cell: number;
  where: 'source' | 'output';
  output: number | null;
  line: number;
  kind: string;
  said?: Said;
}

export interface NotebookRef {
  sha256: string;
  path: string;
}

export interface Git {
  commit: string;
  dirty: boolean;
  remote: string | null;
}

export interface Environment {
  profile: string;
  kernel: string;
  options: Record<string, string>;
  image: string | null;
  packages: string[];
}

export interface Schedule {
  cron: string;
  zone: string;
}

export interface Retry {
  count: number;
  backoff_seconds: number;
  factor: number;
}

export type Overlap = 'allow' | 'forbid' | 'replace';

export interface Missed {
  policy: 'skip' | 'latest' | 'all';
  at_most: number;
}

export interface Notify {
  when: 'failure' | 'always';
  mail: string[];
  webhook: string | null;
  in_lab: boolean;
}

export type JobState = 'draft' | 'armed' | 'suspended';
export type RunState =
  | 'pending'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'timed-out'
  | 'skipped'
  | 'cancelled';

export interface Exit {
  code: string;
  said: Said;
  cell: number | null;
}

export interface Run {
  id: string;
  job: string;
  attempt: number;
  cause: 'schedule' | 'manual' | 'first' | 'retry';
  asked_by: string | null;
  scheduled: string;
  started: string | null;
  ended: string | null;
  state: RunState;
  exit: Exit | null;
  progress: { cell: number; of: number } | null;
  notebook: string | null;
  html: string | null;
  log: string | null;
}

export interface RunView extends Run {
  job_name: string;
  owner: string;
  project: string | null;
  profile: string;
  may: { cancel: boolean; again: boolean; read: boolean };
  parameters?: Record<string, TypedValue>;
}

export interface TypedValue {
  type: ValueType;
  value: Plain;
}

export interface JobView {
  id: string;
  name: string;
  owner: string;
  project: string | null;
  notebook: NotebookRef;
  git: Git | null;
  parameters: Record<string, TypedValue>;
  environment: Environment;
  timeout_seconds: number;
  schedule: Schedule | null;
  retry: Retry;
  overlap: Overlap;
  missed: Missed;
  notify: Notify;
  state: JobState;
  suspension: { by: string; at: string; why: Said } | null;
  override: { by: string; at: string; found: Finding[] } | null;
  created: string;
  changed: string;
  next: string[];
  sentence: Said | null;
  last_run: Run | null;
  mine: boolean;
  may: {
    edit: boolean;
    run: boolean;
    suspend: boolean;
    delete: boolean;
    take_over: boolean;
    hand_over: boolean;
    read: boolean;
  };
  form?: Form;
}

export interface ProfileOption {
  title: Said;
  default: string;
  choices: Record<string, { title: Said }>;
}

export interface Profile {
  name: string;
  title: Said;
  description: Said;
  kernels: string[];
  options: Record<string, ProfileOption>;
}

/** Who asks, and what they may do. */
export interface Me {
  name: string;
  admin: boolean;
  projects: string[];
  profiles: Profile[];
  limits: {
    active_jobs: { limit: number; used: number };
    runs_at_once: number;
    shortest_interval_seconds: number;
    notebook_bytes: number;
    timeout_seconds: number;
  };
  mail: boolean;
}

/** The answer to a notebook that was brought. */
export interface Brought {
  sha256: string;
  path: string;
  kernel: string;
  language: string;
  form: Form;
  findings: Finding[];
}

export type PresetName = 'hourly' | 'daily' | 'weekdays' | 'weekly' | 'monthly';

export interface Preset {
  name: PresetName;
  minute: number;
  hour: number;
  weekday: number;
  day: number;
}

export interface Preview {
  cron: string;
  sentence: Said;
  next: string[];
  shortest_interval_seconds: number;
  shifted: { wall: string; tick: string; twice: boolean }[];
  preset: Preset | null;
}

/** What this session has beyond the platform's environment, and where its notebook stands in Git. */
export interface Session {
  packages: string[];
  unfrozen: string[];
  git: Git | null;
  profile: string | null;
}

export interface Equivalent {
  command: string;
  manifest: string;
}

/** Something was changed at the service; a stream begins with one that names nothing. */
export interface Change {
  kind?: 'job' | 'run' | 'message';
  id?: string;
}

/** A job that was made or changed, and the run that was asked for with it. */
export interface MadeJob {
  job: JobView;
  run: Run | null;
}

export interface Message {
  id: number;
  at: string;
  said: Said;
  job: string | null;
  run: string | null;
  read: boolean;
}

/** What a job is made of, to be sent. */
export interface JobBody {
  name: string;
  project: string | null;
  notebook: NotebookRef;
  git: Git | null;
  parameters: Record<string, Plain>;
  environment: Environment;
  schedule: Schedule | null;
  timeout_seconds: number;
  retry: Retry;
  overlap: Overlap;
  missed: Missed;
  notify: Notify;
  override: boolean;
  first: First;
}

export type First = 'run' | 'arm' | 'nothing';
