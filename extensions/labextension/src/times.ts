/** Moments and durations as people read them. */
import { tag } from './words.ts';
import type { Words } from './words.ts';

/** The zone of the browser's clock, e.g. Europe/Paris. */
export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

/** A moment on the clock of `zone`. */
export function moment(iso: string, language: string, zone = browserZone()): string {
  const parts: Intl.DateTimeFormatOptions = {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23'
  };
  try {
    return new Intl.DateTimeFormat(tag(language), { ...parts, timeZone: zone }).format(
      new Date(iso)
    );
  } catch {
    // A zone that the browser does not know.
    return `${iso.replace('T', ' ').replace(/:\d\d(\.\d+)?Z$/, '')} UTC`;
  }
}

/** Seconds as a short text with units; whole minutes from an hour on. */
export function duration(seconds: number, trans: Words): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) {
    return trans.__('%1 s', whole);
  }
  if (whole < 3600) {
    return trans.__('%1 min %2 s', Math.floor(whole / 60), whole % 60);
  }
  return trans.__('%1 h %2 min', Math.floor(whole / 3600), Math.floor((whole % 3600) / 60));
}

/** How long a run took or takes, in seconds; null before its start. */
export function taken(
  run: { started: string | null; ended: string | null },
  now: number
): number | null {
  if (!run.started) {
    return null;
  }
  const end = run.ended ? Date.parse(run.ended) : now;
  return Math.max(0, (end - Date.parse(run.started)) / 1000);
}

/** Zones that the browser knows; the one that is wanted is always among them. */
export function zones(wanted: string): string[] {
  const known = Intl.supportedValuesOf?.('timeZone') ?? [];
  return [...new Set(['UTC', wanted, browserZone(), ...known])].sort();
}
