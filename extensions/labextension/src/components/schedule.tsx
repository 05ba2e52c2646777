/** When a job runs: presets or a cron line, a zone, the sentence and the next times as one types. */
import * as React from 'react';

import type { Draft } from '../draft.ts';
import { cronLine } from '../draft.ts';
import { sortErrors, ServiceError } from '../problems.ts';
import { atTime, cronOf, PRESETS, timeOf, USUAL } from '../schedule.ts';
import { moment, zones } from '../times.ts';
import type { PresetName, Preview, Said } from '../types.ts';
import { useUi } from '../ui.ts';
import { presetWord, weekdays } from '../words.ts';
import { Choice, Field, idOf, Errors, Radios, TextField } from './field.tsx';
import { Note, When } from './small.tsx';

interface Props {
  draft: Draft;
  onChange: (change: Partial<Draft>) => void;
}

const TYPING_MS = 250;

export function ScheduleSection({ draft, onChange }: Props): React.ReactElement {
  const { trans, language } = useUi();
  const { prefix } = React.useContext(Errors);
  const preset = draft.preset;
  const choose = (name: string): void => {
    if (name === 'cron') {
      onChange({ preset: null, cron: cronLine(draft) });
    } else {
      onChange({ preset: { ...(preset ?? USUAL), name: name as PresetName } });
    }
  };
  const choices: [string, string][] = [
    ...PRESETS.map((name): [string, string] => [name, presetWord(name, trans)]),
    ['cron', trans.__('As a cron line says')]
  ];
  return (
    <fieldset className="nacelle-Section">
      <legend>{trans.__('When')}</legend>
      <Radios
        name="scheduled"
        label={trans.__('Run it')}
        value={draft.scheduled ? 'yes' : 'no'}
        onChange={value => onChange({ scheduled: value === 'yes' })}
        choices={[
          ['yes', trans.__('on a schedule')],
          ['no', trans.__('only when I ask')]
        ]}
      />
      {draft.scheduled && (
        <>
          <div className="nacelle-Grid">
            <Choice
              name="schedule.preset"
              label={trans.__('How often')}
              value={preset ? preset.name : 'cron'}
              onChange={choose}
              choices={choices}
            />
            {!preset && (
              <TextField
                name="schedule.cron"
                label={trans.__('Cron line')}
                value={draft.cron}
                onChange={cron => onChange({ cron })}
                help={trans.__('minute, hour, day of the month, month, weekday')}
              />
            )}
            {preset?.name === 'weekly' && (
              <Choice
                name="schedule.weekday"
                label={trans.__('On')}
                value={String(preset.weekday)}
                onChange={day => onChange({ preset: { ...preset, weekday: Number(day) } })}
                choices={weekdays(language).map((word, day) => [String(day), word])}
              />
            )}
            {preset?.name === 'monthly' && (
              <Choice
                name="schedule.day"
                label={trans.__('On day')}
                value={String(preset.day)}
                onChange={day => onChange({ preset: { ...preset, day: Number(day) } })}
                choices={Array.from({ length: 28 }, (_, day) => [`${day + 1}`, `${day + 1}`])}
                help={trans.__('every month has so many days')}
              />
            )}
            {preset?.name === 'hourly' && (
              <TextField
                name="schedule.minute"
                label={trans.__('At minute')}
                mode="numeric"
                value={String(preset.minute)}
                onChange={text =>
                  onChange({ preset: { ...preset, minute: Math.min(59, Number(text) || 0) } })
                }
              />
            )}
            {preset && preset.name !== 'hourly' && (
              <Field name="schedule.time" label={trans.__('At')}>
                {aria => (
                  <input
                    {...aria}
                    className="jp-mod-styled"
                    type="time"
                    required
                    value={timeOf(preset)}
                    onChange={event => onChange({ preset: atTime(preset, event.target.value) })}
                  />
                )}
              </Field>
            )}
            <Field
              name="schedule.zone"
              label={trans.__('Time zone')}
              help={trans.__('whose clock it follows; type to search')}
            >
              {aria => (
                <>
                  <input
                    {...aria}
                    className="jp-mod-styled"
                    list={idOf(prefix, 'zones')}
                    value={draft.zone}
                    onChange={event => onChange({ zone: event.target.value })}
                  />
                  <datalist id={idOf(prefix, 'zones')}>
                    {zones(draft.zone).map(zone => (
                      <option key={zone} value={zone} />
                    ))}
                  </datalist>
                </>
              )}
            </Field>
          </div>
          <Meaning draft={draft} onChange={onChange} />
        </>
      )}
    </fieldset>
  );
}

/** The sentence and the next five times; the old ones stay, greyed, while the new are asked for. */
function Meaning({ draft, onChange }: Props): React.ReactElement {
  const { api, trans, language, say } = useUi();
  const [preview, setPreview] = React.useState<Preview | null>(null);
  const [problems, setProblems] = React.useState<Said[]>([]);
  const [asking, setAsking] = React.useState(true);
  const cron = cronLine(draft);
  // A job that is edited comes with its line alone.
  const came = React.useRef(draft.preset ? null : cron);
  React.useEffect(() => {
    let current = true;
    setAsking(true);
    const timer = setTimeout(async () => {
      try {
        const found = await api.preview(cron, draft.zone);
        if (!current) {
          return;
        }
        setPreview(found);
        setProblems([]);
        if (came.current === cron && found.preset && cronOf(found.preset) === cron) {
          onChange({ preset: found.preset });
        }
        came.current = null;
      } catch (error) {
        if (current) {
          setProblems(sayings(error));
        }
      }
      if (current) {
        setAsking(false);
      }
    }, TYPING_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [cron, draft.zone]);
  if (problems.length) {
    return (
      <Note kind="error">
        {problems.map(one => (
          <p key={one.en}>{say(one)}</p>
        ))}
      </Note>
    );
  }
  return (
    <div
      className={`nacelle-Meaning ${asking ? 'nacelle-mod-asking' : ''}`}
      aria-live="polite"
      aria-busy={asking}
    >
      {preview && (
        <>
          <p className="nacelle-Sentence">{say(preview.sentence)}</p>
          <p id="nacelle-next">{trans.__('The next times, on the clock of %1:', draft.zone)}</p>
          <ol>
            {preview.next.map(time => (
              <li key={time}>
                <When at={time} zone={draft.zone} />
              </li>
            ))}
          </ol>
          {preview.shifted.map(one => (
            <p key={one.tick} className="nacelle-Help">
              {one.twice
                ? trans.__('The clocks show %1 twice; it runs the first time.', one.wall.replace('T', ' '))
                : trans.__(
                    'The clocks skip %1; it runs at %2 instead.',
                    one.wall.replace('T', ' '),
                    moment(one.tick, language, draft.zone)
                  )}
            </p>
          ))}
        </>
      )}
    </div>
  );
}

function sayings(error: unknown): Said[] {
  if (error instanceof ServiceError && error.problem.errors?.length) {
    return sortErrors(error.problem.errors, []).rest;
  }
  const text = error instanceof Error ? error.message : String(error);
  return [{ en: text, fr: text }];
}
