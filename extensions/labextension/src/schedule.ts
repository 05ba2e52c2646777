/** Presets of a schedule and the cron lines they stand for, as nacelle/jobs/presets.py has them. */
import type { Preset, PresetName } from './types.ts';

export const PRESETS: PresetName[] = ['hourly', 'daily', 'weekdays', 'weekly', 'monthly'];

/** Monday at six, the first of the month. */
export const USUAL: Preset = { name: 'monthly', minute: 0, hour: 6, weekday: 1, day: 1 };

export function cronOf(preset: Preset): string {
  const { minute, hour, weekday, day } = preset;
  switch (preset.name) {
    case 'hourly':
      return `${minute} * * * *`;
    case 'daily':
      return `${minute} ${hour} * * *`;
    case 'weekdays':
      return `${minute} ${hour} * * 1-5`;
    case 'weekly':
      return `${minute} ${hour} * * ${weekday}`;
    case 'monthly':
      return `${minute} ${hour} ${day} * *`;
  }
}

/** A time as an <input type="time"> writes it. */
export function timeOf(preset: Preset): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${two(preset.hour)}:${two(preset.minute)}`;
}

/** The preset at another time; a half-typed time changes nothing. */
export function atTime(preset: Preset, time: string): Preset {
  const match = /^(\d{1,2}):(\d{2})/.exec(time);
  if (!match) {
    return preset;
  }
  const hour = Number(match[1]);
  const minute = Number(match[2]);
  return hour < 24 && minute < 60 ? { ...preset, hour, minute } : preset;
}
