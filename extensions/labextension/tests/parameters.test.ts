import assert from 'node:assert/strict';
import { test } from 'node:test';

import { initial, toSend } from '../src/parameters.ts';
import { FORM } from './samples.ts';

const typed = (changes: Record<string, string | boolean>) =>
  toSend(FORM, { ...initial(FORM), ...changes });

test('what is as the notebook has it is not sent', () => {
  assert.deepEqual(typed({}), {});
});

test('values are of their type', () => {
  const changes = {
    year: ' 2027 ',
    threshold: '.5',
    fail: true,
    codes: '01.11Z\n\n 47.11F \n',
    sizes: '3\n4',
    level: '2',
    language: 'en',
    since: '{scheduled}'
  };
  assert.deepEqual(typed(changes), {
    year: 2027,
    threshold: 0.5,
    fail: true,
    codes: ['01.11Z', '47.11F'],
    sizes: [3, 4],
    level: 2,
    language: 'en',
    since: '{scheduled}'
  });
});

test('what cannot be read is sent as it is written: the service explains', () => {
  assert.deepEqual(typed({ year: 'soon', threshold: '1,5' }), { year: 'soon', threshold: '1,5' });
});

test('a list can be emptied', () => {
  assert.deepEqual(typed({ codes: '' }), { codes: [] });
});

test('a computed value is left alone until a text replaces it', () => {
  assert.deepEqual(typed({ stamp: '__import__("os")' }), { stamp: '__import__("os")' });
});

test('given values stand in the form', () => {
  const values = initial(FORM, { fail: { type: 'yes-no', value: true } });
  assert.equal(values.fail, true);
  assert.equal(values.year, '2026');
});
