/** A notebook that was brought, who brings it, and a job, to test with. */
import type { Brought, Form, FormField, JobView, Me, Session } from '../src/types.ts';

export function field(name: string, changes: Partial<FormField> = {}): FormField {
  return {
    name,
    type: 'text',
    default: '',
    code: '',
    help: '',
    choices: [],
    items: 'text',
    ...changes
  };
}

export const FORM: Form = {
  cell: 2,
  problem: null,
  fields: [
    field('year', { type: 'whole', default: 2026 }),
    field('threshold', { type: 'number', default: 0.75 }),
    field('language', { default: 'fr', choices: ['en', 'fr'] }),
    field('fail', { type: 'yes-no', default: false }),
    field('since', { type: 'date', default: '2026-01-31' }),
    field('codes', { type: 'list', default: ['01.11Z', '47.11F'] }),
    field('sizes', { type: 'list', default: [1, 2], items: 'whole' }),
    field('level', { type: 'whole', default: 1, choices: [1, 2, 3] }),
    field('stamp', { type: 'computed', default: null, code: 'compute()' })
  ]
};

export const BROUGHT: Brought = {
  sha256: 'a'.repeat(64),
  path: 'home/work/Monthly figures.ipynb',
  kernel: 'ir',
  language: 'r',
  form: FORM,
  findings: []
};

export const SESSION: Session = {
  packages: ['polars==1.2.3'],
  unfrozen: [],
  git: { commit: 'b'.repeat(40), dirty: true, remote: null },
  profile: 'r'
};

const said = (text: string) => ({ en: text, fr: text });

export const ME: Me = {
  name: 'alice',
  admin: false,
  projects: ['prix'],
  profiles: ['python', 'both', 'r'].map(name => ({
    name,
    title: said(name),
    description: said(name),
    kernels: { python: ['python3'], both: ['python3', 'ir'], r: ['ir'] }[name]!,
    options: {
      size: { title: said('Size'), default: 'small', choices: { small: { title: said('Small') } } }
    }
  })),
  limits: {
    active_jobs: { limit: 20, used: 1 },
    runs_at_once: 2,
    shortest_interval_seconds: 300,
    notebook_bytes: 10_000_000,
    timeout_seconds: 86_400
  },
  mail: true
};

export const JOB: JobView = {
  id: '0'.repeat(32),
  name: 'Monthly figures',
  owner: 'alice',
  project: 'prix',
  notebook: { sha256: 'a'.repeat(64), path: BROUGHT.path },
  git: SESSION.git,
  parameters: { year: { type: 'whole', value: 2027 }, fail: { type: 'yes-no', value: true } },
  environment: {
    profile: 'r',
    kernel: 'ir',
    options: { size: 'small' },
    image: null,
    packages: ['polars==1.2.3']
  },
  timeout_seconds: 90,
  schedule: { cron: '0 6 1 * *', zone: 'Europe/Paris' },
  retry: { count: 2, backoff_seconds: 30, factor: 1.5 },
  overlap: 'replace',
  missed: { policy: 'all', at_most: 7 },
  notify: {
    when: 'always',
    mail: ['a@example.org', 'b@example.org'],
    webhook: 'https://example.org/hook',
    in_lab: false
  },
  state: 'armed',
  suspension: null,
  override: null,
  created: '2026-01-10T12:00:00Z',
  changed: '2026-01-10T12:00:00Z',
  next: [],
  sentence: null,
  last_run: null,
  mine: true,
  may: {
    edit: true,
    run: true,
    suspend: true,
    delete: true,
    take_over: false,
    hand_over: true,
    read: true
  },
  form: FORM
};
