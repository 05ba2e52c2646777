/** The French says all that the English says, and nothing that nobody says any more. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');
const FRENCH = join(ROOT, 'src', 'french.json');
const CALL = /(?:\b|_)trans\.(__|_n)\(\s*('(?:[^'\\]|\\.)*'|[^'\s])(?:,\s*'((?:[^'\\]|\\.)*)')?/g;

const catalogue = JSON.parse(readFileSync(FRENCH, 'utf8')) as Record<string, string[]>;

function said(): { text: string; plural: boolean; place: string }[] {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  return files
    .filter(file => /\.tsx?$/.test(file))
    .flatMap(file =>
      [...readFileSync(join(ROOT, 'src', file), 'utf8').matchAll(CALL)].map(match => {
        assert.ok(match[2].startsWith("'"), `${file}: words stand in the call itself: ${match[0]}`);
        return { text: match[2].slice(1, -1), plural: match[1] === '_n', place: file };
      })
    );
}

test('every word has its French, and each French its word', () => {
  const words = said();
  assert.ok(words.length > 200);
  for (const { text, plural, place } of words) {
    assert.ok(catalogue[text], `${place}: no French for: ${text}`);
    assert.equal(catalogue[text].length, plural ? 2 : 1, text);
  }
  const known = new Set(words.map(one => one.text));
  const unsaid = Object.keys(catalogue).filter(text => text && !known.has(text));
  assert.deepEqual(unsaid, []);
});

test('values stand in the French too', () => {
  const places = (text: string) => [...new Set(text.match(/%\d|\{\w+[^}]*\}/g))].sort();
  for (const [text, french] of Object.entries(catalogue)) {
    if (text) {
      french.forEach(one => assert.deepEqual(places(one), places(text), text));
    }
  }
});

test('the head is as Lab reads it', () => {
  const head = (catalogue as unknown as Record<string, Record<string, string>>)[''];
  assert.equal(head.language, 'fr-FR');
  assert.equal(head.domain, 'nacelle_lab');
  assert.match(head.plural_forms, /plural=\(n > 1\)/);
});
