import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bodyOf, draftOf, nameOf, newDraft, unreadable, withNotebook } from '../src/draft.ts';
import { BROUGHT, FORM, JOB, ME, SESSION } from './samples.ts';

test('a new job is as most want it', () => {
  const draft = newDraft(BROUGHT, ME, SESSION);
  const body = bodyOf(draft, FORM);
  assert.equal(body.name, 'Monthly figures');
  assert.equal(body.project, null);
  assert.deepEqual(body.parameters, {});
  assert.equal(body.first, 'run');
  assert.equal(body.override, false);
  assert.deepEqual(body.schedule?.cron, '0 6 1 * *');
  assert.deepEqual(body.environment, {
    profile: 'r',
    kernel: 'ir',
    options: { size: 'small' },
    image: null,
    packages: ['polars==1.2.3']
  });
});

test('without a session of its kernel, the first profile that runs it is taken', () => {
  assert.equal(newDraft(BROUGHT, ME, { ...SESSION, profile: 'python' }).profile, 'both');
  const unknown = newDraft({ ...BROUGHT, kernel: 'other' }, ME, SESSION);
  assert.deepEqual([unknown.profile, unknown.kernel], ['python', 'python3']);
});

test('a job comes back from its draft as it was', () => {
  const body = bodyOf(draftOf(JOB, FORM), FORM);
  for (const name of [
    'name',
    'project',
    'notebook',
    'git',
    'environment',
    'schedule',
    'timeout_seconds',
    'retry',
    'overlap',
    'missed',
    'notify'
  ] as const) {
    assert.deepEqual(body[name], JOB[name], name);
  }
  assert.deepEqual(body.parameters, { year: 2027, fail: true });
});

test('packages that are not to be frozen are not sent', () => {
  const draft = { ...newDraft(BROUGHT, ME, SESSION), freeze: false };
  assert.deepEqual(bodyOf(draft, FORM).environment.packages, []);
});

test('a job on demand has no schedule', () => {
  const draft = { ...draftOf(JOB, FORM), scheduled: false };
  assert.equal(bodyOf(draft, FORM).schedule, null);
});

test('a notebook taken anew keeps the values it still asks for', () => {
  const year = FORM.fields[0];
  const form = { ...FORM, fields: [year, { ...year, name: 'month', default: 1 }] };
  const draft = withNotebook(
    { ...draftOf(JOB, FORM), override: true },
    { ...BROUGHT, sha256: 'c'.repeat(64), form },
    SESSION
  );
  assert.deepEqual(draft.values, { year: '2027', month: '1' });
  assert.equal(draft.notebook.sha256, 'c'.repeat(64));
  assert.equal(draft.override, false, 'what was found in the old one says nothing of the new');
});

test('a job of a file name that no job may have', () => {
  assert.equal(nameOf('home/a..b.ipynb'), 'a b');
  assert.equal(nameOf('.ipynb'), 'job');
  assert.equal(nameOf(`${'x'.repeat(100)}.ipynb`).length, 80);
});

test('numbers may have a comma; what is no number is told before it is sent', () => {
  const draft = { ...draftOf(JOB, FORM), timeoutMinutes: '1,5', retries: 'two', waitSeconds: '' };
  assert.equal(bodyOf(draft, FORM).timeout_seconds, 90);
  assert.deepEqual(unreadable(draft), ['retry.count', 'retry.backoff_seconds']);
});
