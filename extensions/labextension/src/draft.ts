/** The form's state: what is typed, and what is sent of it. */
import { initial, toSend } from './parameters.ts';
import type { TypedValues } from './parameters.ts';
import { cronOf, USUAL } from './schedule.ts';
import { browserZone } from './times.ts';
import type {
  Brought,
  First,
  Form,
  JobBody,
  JobView,
  Me,
  Missed,
  NotebookRef,
  Notify,
  Overlap,
  Preset,
  Profile,
  Session
} from './types.ts';

/** Numbers are kept as they are typed; the service says what is wrong with them. */
export interface Draft {
  name: string;
  project: string;
  notebook: NotebookRef;
  values: TypedValues;
  scheduled: boolean;
  /** `null`: the cron line itself is written. */
  preset: Preset | null;
  cron: string;
  zone: string;
  profile: string;
  kernel: string;
  options: Record<string, string>;
  image: string | null;
  freeze: boolean;
  packages: string[];
  git: Session['git'];
  timeoutMinutes: string;
  retries: string;
  waitSeconds: string;
  factor: string;
  overlap: Overlap;
  missed: Missed['policy'];
  atMost: string;
  when: Notify['when'];
  mail: string;
  webhook: string;
  inLab: boolean;
  override: boolean;
  first: First;
}

/** A name for the job of a notebook: the file's, without what a name may not hold. */
export function nameOf(path: string): string {
  const file = path.split('/').pop() ?? '';
  const plain = file
    .replace(/\.ipynb$/i, '')
    .replace(/[\\/]|\.\./g, ' ')
    .trim()
    .slice(0, 80);
  return plain || 'job';
}

/** The profile to start from: that of this session if it runs the kernel, else the first that does. */
export function profileFor(me: Me, kernel: string, current: string | null): Profile | undefined {
  const fitting = me.profiles.filter(one => one.kernels.includes(kernel));
  return fitting.find(one => one.name === current) ?? fitting[0] ?? me.profiles[0];
}

/** The options of a profile as they are when nobody chose. */
export function usualOptions(profile: Profile | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(profile?.options ?? {}).map(([key, option]) => [key, option.default])
  );
}

/** The draft of a new job. */
export function newDraft(brought: Brought, me: Me, session: Session): Draft {
  const profile = profileFor(me, brought.kernel, session.profile);
  const kernels = profile?.kernels ?? [];
  return {
    name: nameOf(brought.path),
    project: '',
    notebook: { sha256: brought.sha256, path: brought.path },
    values: initial(brought.form),
    scheduled: true,
    preset: USUAL,
    cron: cronOf(USUAL),
    zone: browserZone(),
    profile: profile?.name ?? '',
    kernel: kernels.includes(brought.kernel) ? brought.kernel : (kernels[0] ?? brought.kernel),
    options: usualOptions(profile),
    image: null,
    freeze: session.packages.length > 0,
    packages: session.packages,
    git: session.git,
    timeoutMinutes: '60',
    retries: '0',
    waitSeconds: '60',
    factor: '2',
    overlap: 'forbid',
    missed: 'latest',
    atMost: '10',
    when: 'failure',
    mail: '',
    webhook: '',
    inLab: true,
    override: false,
    first: 'run'
  };
}

/** The draft of a job as it is. */
export function draftOf(job: JobView, form: Form): Draft {
  const { environment, retry, missed, notify, schedule } = job;
  return {
    name: job.name,
    project: job.project ?? '',
    notebook: job.notebook,
    values: initial(form, job.parameters),
    scheduled: schedule !== null,
    // The preview tells which preset a cron line is.
    preset: schedule ? null : USUAL,
    cron: schedule?.cron ?? cronOf(USUAL),
    zone: schedule?.zone ?? browserZone(),
    profile: environment.profile,
    kernel: environment.kernel,
    options: environment.options,
    image: environment.image,
    freeze: environment.packages.length > 0,
    packages: environment.packages,
    git: job.git,
    timeoutMinutes: String(job.timeout_seconds / 60),
    retries: String(retry.count),
    waitSeconds: String(retry.backoff_seconds),
    factor: String(retry.factor),
    overlap: job.overlap,
    missed: missed.policy,
    atMost: String(missed.at_most),
    when: notify.when,
    mail: notify.mail.join(', '),
    webhook: notify.webhook ?? '',
    inLab: notify.in_lab,
    override: false,
    first: job.state === 'suspended' ? 'nothing' : 'run'
  };
}

/** A job's draft that takes its notebook anew: values are kept where the new form has the name. */
export function withNotebook(draft: Draft, brought: Brought, session: Session): Draft {
  const fresh = initial(brought.form);
  const kept = Object.entries(draft.values).filter(
    ([name, value]) => name in fresh && typeof value === typeof fresh[name]
  );
  return {
    ...draft,
    notebook: { sha256: brought.sha256, path: brought.path },
    values: { ...fresh, ...Object.fromEntries(kept) },
    packages: session.packages,
    git: session.git,
    override: false
  };
}

/** What is sent for a draft. */
export function bodyOf(draft: Draft, form: Form): JobBody {
  return {
    name: draft.name.trim(),
    project: draft.project || null,
    notebook: draft.notebook,
    git: draft.git,
    parameters: toSend(form, draft.values),
    environment: {
      profile: draft.profile,
      kernel: draft.kernel,
      options: draft.options,
      image: draft.image,
      packages: draft.freeze ? draft.packages : []
    },
    schedule: draft.scheduled ? { cron: cronLine(draft), zone: draft.zone } : null,
    timeout_seconds: Math.round(number(draft.timeoutMinutes) * 60),
    retry: {
      count: number(draft.retries),
      backoff_seconds: number(draft.waitSeconds),
      factor: number(draft.factor)
    },
    overlap: draft.overlap,
    missed: { policy: draft.missed, at_most: number(draft.atMost) },
    notify: {
      when: draft.when,
      mail: draft.mail.split(/[\s,;]+/).filter(Boolean),
      webhook: draft.webhook.trim() || null,
      in_lab: draft.inLab
    },
    override: draft.override,
    first: draft.first
  };
}

export function cronLine(draft: Pick<Draft, 'preset' | 'cron'>): string {
  return draft.preset ? cronOf(draft.preset) : draft.cron.trim();
}

/** A number with a point or a comma; what is none becomes NaN, which JSON writes as null. */
function number(text: string): number {
  const trimmed = text.trim().replace(',', '.');
  return trimmed ? Number(trimmed) : NaN;
}

/** The fields whose number cannot be read, by the name the service would give. */
export function unreadable(draft: Draft): string[] {
  const numbers: [string, string][] = [
    ['timeout_seconds', draft.timeoutMinutes],
    ['retry.count', draft.retries],
    ['retry.backoff_seconds', draft.waitSeconds],
    ['retry.factor', draft.factor],
    ['missed.at_most', draft.atMost]
  ];
  return numbers.filter(([, text]) => !Number.isFinite(number(text))).map(([name]) => name);
}
