/** Where keys or tokens seem to stand in a notebook, and the explicit way past them. */
import * as React from 'react';

import type { Finding } from '../types.ts';
import { useUi } from '../ui.ts';
import { Tick } from './field.tsx';

export function Findings(props: {
  findings: Finding[];
  override: boolean;
  onOverride: (override: boolean) => void;
  onShowCell?: (cell: number) => void;
}): React.ReactElement | null {
  const { trans, say } = useUi();
  if (!props.findings.length) {
    return null;
  }
  const place = (one: Finding): string =>
    one.where === 'source'
      ? trans.__('cell %1, line %2', one.cell, one.line)
      : trans.__('cell %1, its output, line %2', one.cell, one.line);
  return (
    <section className="nacelle-Note nacelle-mod-warn" aria-labelledby="nacelle-findings">
      <h3 id="nacelle-findings">{trans.__('Keys or tokens seem to stand in this notebook')}</h3>
      <ul>
        {props.findings.map((one, index) => (
          <li key={index}>
            {one.said ? say(one.said) : `${place(one)}: ${one.kind}`}{' '}
            {props.onShowCell && (
              <button
                type="button"
                className="nacelle-Link"
                onClick={() => props.onShowCell!(one.cell)}
              >
                {trans.__('Show cell %1', one.cell)}
              </button>
            )}
          </li>
        ))}
      </ul>
      <p>
        {trans.__(
          'A job keeps its notebook, and its output is read by others. Take the key out, clear the outputs, save, and promote again; give secrets by name instead.'
        )}
      </p>
      <Tick
        name="override"
        label={trans.__('These are no keys: promote it all the same')}
        value={props.override}
        onChange={props.onOverride}
        help={trans.__('That you said so, when, and the places above are kept with the job.')}
      />
    </section>
  );
}
