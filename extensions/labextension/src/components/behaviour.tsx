/** How long, how often again, what of overlaps and of missed times, and whom to tell. */
import * as React from 'react';

import type { Draft } from '../draft.ts';
import type { Me, Missed, Notify, Overlap } from '../types.ts';
import { useUi } from '../ui.ts';
import { Choice, TextField, Tick } from './field.tsx';

interface Props {
  draft: Draft;
  me: Me;
  onChange: (change: Partial<Draft>) => void;
}

export function BehaviourSection({ draft, me, onChange }: Props): React.ReactElement {
  const { trans } = useUi();
  const longest = Math.floor(me.limits.timeout_seconds / 60);
  return (
    <fieldset className="nacelle-Section">
      <legend>{trans.__('While it runs')}</legend>
      <div className="nacelle-Grid">
        <TextField
          name="timeout_seconds"
          label={trans.__('Stop it after (minutes)')}
          value={draft.timeoutMinutes}
          mode="decimal"
          onChange={timeoutMinutes => onChange({ timeoutMinutes })}
          help={trans.__('%1 at most', longest)}
        />
        <TextField
          name="retry.count"
          label={trans.__('Try again when it fails (times)')}
          value={draft.retries}
          mode="numeric"
          onChange={retries => onChange({ retries })}
        />
        {draft.retries.trim() !== '0' && (
          <>
            <TextField
              name="retry.backoff_seconds"
              label={trans.__('Wait before (seconds)')}
              value={draft.waitSeconds}
              mode="numeric"
              onChange={waitSeconds => onChange({ waitSeconds })}
            />
            <TextField
              name="retry.factor"
              label={trans.__('and each time so many times as long')}
              value={draft.factor}
              mode="decimal"
              onChange={factor => onChange({ factor })}
            />
          </>
        )}
        {draft.scheduled && (
          <>
            <Choice
              name="overlap"
              label={trans.__('When the run before is not done')}
              value={draft.overlap}
              onChange={overlap => onChange({ overlap: overlap as Overlap })}
              choices={[
                ['forbid', trans.__('leave the new one out')],
                ['allow', trans.__('run both')],
                ['replace', trans.__('stop the old one')]
              ]}
            />
            <Choice
              name="missed.policy"
              label={trans.__('Runs missed while the platform was down')}
              value={draft.missed}
              onChange={missed => onChange({ missed: missed as Missed['policy'] })}
              choices={[
                ['latest', trans.__('make up for the latest')],
                ['skip', trans.__('leave them out')],
                ['all', trans.__('make up for all')]
              ]}
            />
            {draft.missed === 'all' && (
              <TextField
                name="missed.at_most"
                label={trans.__('but the newest so many at most')}
                value={draft.atMost}
                mode="numeric"
                onChange={atMost => onChange({ atMost })}
              />
            )}
          </>
        )}
      </div>
    </fieldset>
  );
}

export function NotifySection({ draft, me, onChange }: Props): React.ReactElement {
  const { trans } = useUi();
  return (
    <fieldset className="nacelle-Section">
      <legend>{trans.__('Whom to tell')}</legend>
      <div className="nacelle-Grid">
        <Choice
          name="notify.when"
          label={trans.__('Tell')}
          value={draft.when}
          onChange={when => onChange({ when: when as Notify['when'] })}
          choices={[
            ['failure', trans.__('of failures')],
            ['always', trans.__('of every end')]
          ]}
        />
        {me.mail && (
          <TextField
            name="notify.mail"
            label={trans.__('By e-mail')}
            value={draft.mail}
            mode="email"
            onChange={mail => onChange({ mail })}
            help={trans.__('addresses with commas between')}
          />
        )}
        <TextField
          name="notify.webhook"
          label={trans.__('By webhook')}
          value={draft.webhook}
          mode="url"
          placeholder="https://"
          onChange={webhook => onChange({ webhook })}
          help={trans.__('an address that is called with the run as JSON')}
        />
      </div>
      <Tick
        name="notify.in_lab"
        label={trans.__('By a message here in Lab')}
        value={draft.inLab}
        onChange={inLab => onChange({ inLab })}
      />
    </fieldset>
  );
}
