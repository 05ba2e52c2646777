/** Where a job runs, and what of this session goes with it. */
import * as React from 'react';

import { usualOptions } from '../draft.ts';
import type { Draft } from '../draft.ts';
import type { Me, Session } from '../types.ts';
import { useUi } from '../ui.ts';
import { Choice, Tick } from './field.tsx';
import { Note } from './small.tsx';

interface Props {
  draft: Draft;
  me: Me;
  session: Session | null;
  onChange: (change: Partial<Draft>) => void;
}

export function EnvironmentSection(props: Props): React.ReactElement {
  const { trans, say } = useUi();
  const { draft, me, onChange } = props;
  const profile = me.profiles.find(one => one.name === draft.profile);
  const choose = (name: string): void => {
    const next = me.profiles.find(one => one.name === name);
    const kernels = next?.kernels ?? [];
    onChange({
      profile: name,
      kernel: kernels.includes(draft.kernel) ? draft.kernel : (kernels[0] ?? draft.kernel),
      options: usualOptions(next)
    });
  };
  return (
    <fieldset className="nacelle-Section">
      <legend>{trans.__('Environment')}</legend>
      <div className="nacelle-Grid">
        <Choice
          name="environment.profile"
          label={trans.__('Environment')}
          value={draft.profile}
          onChange={choose}
          choices={me.profiles.map(one => [one.name, say(one.title)])}
          help={profile && say(profile.description)}
        />
        <Choice
          name="environment.kernel"
          label={trans.__('Kernel')}
          value={draft.kernel}
          onChange={kernel => onChange({ kernel })}
          choices={(profile?.kernels ?? []).map(one => [one, one])}
        />
        {Object.entries(profile?.options ?? {}).map(([key, option]) => (
          <Choice
            key={key}
            name={`environment.options.${key}`}
            label={say(option.title)}
            value={draft.options[key] ?? option.default}
            onChange={value => onChange({ options: { ...draft.options, [key]: value } })}
            choices={Object.entries(option.choices).map(([name, one]) => [name, say(one.title)])}
          />
        ))}
      </div>
      <Packages {...props} />
      <Commit {...props} />
    </fieldset>
  );
}

function Packages({ draft, session, onChange }: Props): React.ReactElement | null {
  const { trans } = useUi();
  const unfrozen = session?.unfrozen ?? [];
  if (!draft.packages.length && !unfrozen.length) {
    return (
      <p className="nacelle-Help">
        {trans.__('Your session has no packages beyond those of the environment.')}
      </p>
    );
  }
  return (
    <div>
      {draft.packages.length > 0 && (
        <>
          <Tick
            name="environment.packages"
            label={trans._n(
              'Take %1 package that you installed with the job, at this version',
              'Take the %1 packages that you installed with the job, at these versions',
              draft.packages.length
            )}
            value={draft.freeze}
            onChange={freeze => onChange({ freeze })}
            help={trans.__('Without them the job has the environment’s own packages alone.')}
          />
          <details className="nacelle-Details">
            <summary>{trans.__('Show the packages')}</summary>
            <ul className="nacelle-Packages">
              {draft.packages.map(one => (
                <li key={one}>
                  <code>{one}</code>
                </li>
              ))}
            </ul>
          </details>
        </>
      )}
      {unfrozen.length > 0 && (
        <Note kind="warn">
          {trans.__(
            'Not to be taken along, since they were installed from a folder or a repository: %1.',
            unfrozen.join(', ')
          )}
        </Note>
      )}
    </div>
  );
}

function Commit({ draft }: Props): React.ReactElement {
  const { trans } = useUi();
  if (!draft.git) {
    return <p className="nacelle-Help">{trans.__('The notebook lies in no Git repository.')}</p>;
  }
  return (
    <p className={draft.git.dirty ? 'nacelle-Attention' : 'nacelle-Help'}>
      {trans.__('Git commit')} <code title={draft.git.commit}>{draft.git.commit.slice(0, 10)}</code>
      {draft.git.remote && <> · {draft.git.remote}</>}
      {draft.git.dirty && (
        <>
          {' · '}
          {trans.__('there are changes that are not committed; the notebook is kept as it is now')}
        </>
      )}
    </p>
  );
}
