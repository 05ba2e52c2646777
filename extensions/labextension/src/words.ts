/** Words for what the service names by code. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { JobState, PresetName, RunState, Said } from './types.ts';

/** What the words need of Lab's translator. */
export type Words = Pick<TranslationBundle, '__' | '_n'>;

/** A sentence of the service in the reader's language; `language` is Lab's, e.g. `fr_FR`. */
export function inLanguage(said: Said, language: string): string {
  return language.toLowerCase().startsWith('fr') ? said.fr : said.en;
}

export function jobState(state: JobState, trans: Words): string {
  return {
    draft: trans.__('draft'),
    armed: trans.__('armed'),
    suspended: trans.__('suspended')
  }[state];
}

export function runState(state: RunState, trans: Words): string {
  return {
    pending: trans.__('waiting'),
    running: trans.__('running'),
    succeeded: trans.__('succeeded'),
    failed: trans.__('failed'),
    'timed-out': trans.__('timed out'),
    skipped: trans.__('skipped'),
    cancelled: trans.__('cancelled')
  }[state];
}

export function presetWord(name: PresetName, trans: Words): string {
  return {
    hourly: trans.__('Every hour'),
    daily: trans.__('Every day'),
    weekdays: trans.__('Monday to Friday'),
    weekly: trans.__('Every week'),
    monthly: trans.__('Every month')
  }[name];
}

/** Names of the weekdays, Sunday first as cron counts. */
export function weekdays(language: string): string[] {
  const format = new Intl.DateTimeFormat(tag(language), { weekday: 'long', timeZone: 'UTC' });
  // 4 January 1970 was a Sunday.
  return [0, 1, 2, 3, 4, 5, 6].map(day => format.format(new Date((3 + day) * 86_400_000)));
}

/**
 * Lab's name of a language (`fr_FR`, `en`) as browsers write it. Where it names no country, that of
 * the browser: a reader in London writes dates in another way than one in New York.
 */
export function tag(language: string): string | undefined {
  try {
    const [wanted] = Intl.getCanonicalLocales(language.replace('_', '-'));
    const own = globalThis.navigator?.language ?? '';
    return own.startsWith(`${wanted}-`) ? own : wanted;
  } catch {
    return undefined;
  }
}
