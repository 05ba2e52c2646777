import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Live } from '../src/live.ts';
import type { Source, Timing } from '../src/live.ts';
import type { Change } from '../src/types.ts';

type Event = { id: string; change: Change | null };

/** Streams as they are given, one after the other; then it stops. What happens is written down. */
async function follow(streams: (Event | 'fails' | number)[][]): Promise<string[]> {
  const told: string[] = [];
  let now = 0;
  const source: Source = {
    async *changes(last) {
      told.push(`ask after ${last || 'nothing'}`);
      const stream = streams.shift();
      if (!stream) {
        live.stop();
        return;
      }
      for (const event of stream) {
        if (event === 'fails') {
          throw new Error('away');
        } else if (typeof event === 'number') {
          now += event;
        } else {
          yield event;
        }
      }
    }
  };
  const timing: Timing = {
    firstWait: 2,
    longestWait: 8,
    now: () => now,
    wait: async milliseconds => {
      told.push(`wait ${milliseconds}`);
    }
  };
  const live = new Live(
    source,
    {
      changed: change => told.push(`changed ${change.kind}`),
      lookAgain: () => told.push('look'),
      live: on => told.push(on ? 'live' : 'not live')
    },
    timing
  );
  await live.run();
  return told;
}

const stands: Event = { id: '', change: null };
const change = (id: string): Event => ({ id, change: { kind: 'run', id: 'x' } });

test('1. while the stream stands, changes are heard and nothing is asked', async () => {
  const told = await follow([[stands, change('1'), change('2')]]);
  assert.deepEqual(told.slice(0, 5), [
    'ask after nothing',
    'live',
    'look',
    'changed run',
    'changed run'
  ]);
});

test('2. a stream that the service ended in time goes on from the last event at once', async () => {
  const told = await follow([[stands, change('7'), 10], []]);
  const again = told.indexOf('ask after 7');
  assert.ok(again > 0);
  assert.ok(!told.slice(0, again).some(one => one.startsWith('wait') || one === 'not live'));
});

test('3. a failing stream is tried again after longer and longer waits, with a look each', async () => {
  const told = await follow([['fails'], ['fails'], ['fails'], ['fails']]);
  assert.deepEqual(
    told.filter(one => one.startsWith('wait')),
    ['wait 2', 'wait 4', 'wait 8', 'wait 8']
  );
  assert.equal(told.filter(one => one === 'look').length, 4);
});

test('3. a change that was heard begins with the short wait again', async () => {
  const told = await follow([['fails'], ['fails'], [stands, change('3'), 'fails'], ['fails']]);
  assert.deepEqual(
    told.filter(one => one.startsWith('wait')),
    ['wait 2', 'wait 4', 'wait 2', 'wait 4']
  );
  assert.ok(told.includes('ask after 3'));
});
