import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sortErrors } from '../src/problems.ts';
import { atTime, cronOf, PRESETS, timeOf, USUAL } from '../src/schedule.ts';
import { EventReader } from '../src/sse.ts';
import { duration, moment, taken, zones } from '../src/times.ts';
import { wholeLetters } from '../src/utf8.ts';
import { inLanguage, weekdays } from '../src/words.ts';
import type { Words } from '../src/words.ts';

const trans = {
  __: (text: string, ...values: unknown[]) =>
    text.replace(/%(\d)/g, (_, place) => String(values[place - 1]))
} as Words;

test('events come whole, however the stream is cut', () => {
  const stream =
    'retry: 1000\r\nid: 1\r\ndata: {}\r\n\r\n: alive\n\nid: 2\ndata: {"a":\ndata: 1}\n\ndata: x';
  for (let size = 1; size < stream.length; size++) {
    const reader = new EventReader();
    const found = [];
    for (let at = 0; at < stream.length; at += size) {
      found.push(...reader.push(stream.slice(at, at + size)));
    }
    assert.deepEqual(found, [
      { id: '1', data: '{}' },
      { id: '2', data: '{"a":\n1}' }
    ]);
  }
});

test('a letter that is cut waits for its rest', () => {
  const bytes = new TextEncoder().encode('aé€𝄞');
  const whole = [0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10];
  for (let length = 0; length <= bytes.length; length++) {
    assert.equal(wholeLetters(bytes.subarray(0, length)).length, whole[length], `${length} bytes`);
  }
});

test('errors stand beside their field, or the nearest around it', () => {
  const fields = ['name', 'parameters.year', 'notify.mail', 'schedule.cron'];
  const said = { en: 'x', fr: 'y' };
  const place = (field: string) =>
    Object.keys(sortErrors([{ field, ...said }], fields).beside)[0] ?? 'rest';
  assert.equal(place('name'), 'name');
  assert.equal(place('parameters.year'), 'parameters.year');
  assert.equal(place('year'), 'parameters.year');
  assert.equal(place('notify.mail.0'), 'notify.mail');
  assert.equal(place('schedule'), 'schedule.cron');
  assert.equal(place('environment.image'), 'rest');
  assert.equal(place(''), 'rest');
});

test('presets are the cron lines that the service makes of them', () => {
  const lines = PRESETS.map(name => cronOf({ ...USUAL, name, minute: 5, weekday: 0, day: 28 }));
  assert.deepEqual(lines, ['5 * * * *', '5 6 * * *', '5 6 * * 1-5', '5 6 * * 0', '5 6 28 * *']);
});

test('a half-typed time changes nothing', () => {
  assert.equal(timeOf(atTime(USUAL, '17:05')), '17:05');
  assert.equal(atTime(USUAL, ''), USUAL);
  assert.equal(atTime(USUAL, '25:00'), USUAL);
});

test('moments are on the clock of their zone', () => {
  assert.match(moment('2026-07-01T04:00:00Z', 'en-GB', 'Europe/Paris'), /1 Jul 2026.*06:00/);
  assert.match(moment('2026-07-01T04:00:00Z', 'fr_FR', 'Europe/Paris'), /1 juil\. 2026.*06:00/);
  assert.equal(moment('2026-07-01T04:00:00Z', 'en', 'Mars/Olympus'), '2026-07-01 04:00 UTC');
});

test('durations carry their units', () => {
  assert.equal(duration(42.4, trans), '42 s');
  assert.equal(duration(125, trans), '2 min 5 s');
  assert.equal(duration(7320, trans), '2 h 2 min');
  const run = { started: '2026-01-01T00:00:00Z', ended: null };
  assert.equal(taken(run, Date.parse('2026-01-01T00:00:05Z')), 5);
  assert.equal(taken({ ...run, started: null }, 0), null);
});

test('the zone that a job has is offered, whatever the browser knows', () => {
  assert.ok(zones('Europe/Kyiv').includes('Europe/Kyiv'));
  assert.ok(zones('UTC').length > 100);
});

test('Lab names languages in its own way', () => {
  const said = { en: 'yes', fr: 'oui' };
  assert.equal(inLanguage(said, 'fr-FR'), 'oui');
  assert.equal(inLanguage(said, 'fr_FR'), 'oui');
  assert.equal(inLanguage(said, 'en'), 'yes');
  assert.equal(inLanguage(said, 'default'), 'yes');
  assert.equal(weekdays('fr_FR')[0], 'dimanche');
  assert.equal(weekdays('en')[6], 'Saturday');
});
