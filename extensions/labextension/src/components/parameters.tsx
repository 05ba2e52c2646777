/** The notebook's parameters, each with the control of its type. */
import * as React from 'react';

import { isDefault, isLong } from '../parameters.ts';
import type { Typed, TypedValues } from '../parameters.ts';
import type { Form, FormField } from '../types.ts';
import { useUi } from '../ui.ts';
import { Choice, TextField, Tick } from './field.tsx';
import { Note } from './small.tsx';

interface Props {
  form: Form;
  values: TypedValues;
  onChange: (values: TypedValues) => void;
}

export function Parameters(props: Props): React.ReactElement {
  const { trans, say } = useUi();
  const { form, values } = props;
  return (
    <fieldset className="nacelle-Section">
      <legend>{trans.__('Parameters')}</legend>
      {form.problem && (
        <Note>
          <p>{say(form.problem)}</p>
          {form.cell === null && (
            <p>
              {trans.__(
                'To be asked for values here, set them in one cell at the top and give it the tag “parameters” (property inspector, at the right).'
              )}
            </p>
          )}
        </Note>
      )}
      <div className="nacelle-Grid">
        {form.fields.map(field => (
          <Parameter
            key={field.name}
            field={field}
            value={values[field.name]}
            onChange={value => props.onChange({ ...values, [field.name]: value })}
          />
        ))}
      </div>
      {form.fields.length > 0 && (
        <p className="nacelle-Help">
          {trans.__(
            'In texts, dates and lists, {scheduled} is the time for which a run is due and {actual} the time at which it starts; {scheduled:%Y-%m} writes it in a format.'
          )}
        </p>
      )}
    </fieldset>
  );
}

function Parameter(props: {
  field: FormField;
  value: Typed;
  onChange: (value: Typed) => void;
}): React.ReactElement {
  const { trans } = useUi();
  const { field, value } = props;
  const name = `parameters.${field.name}`;
  const help = <Help field={field} changed={!isDefault(value, field)} />;
  const shared = { name, label: field.name, help, onChange: props.onChange };
  if (typeof value === 'boolean') {
    return <Tick {...shared} value={value} />;
  }
  if (field.choices.length) {
    return (
      <Choice
        {...shared}
        value={value}
        choices={field.choices.map(one => [String(one), String(one)])}
      />
    );
  }
  const modes = { whole: 'numeric', number: 'decimal' } as const;
  const samples: Partial<Record<FormField['type'], string>> = {
    date: trans.__('2026-01-31 or {scheduled}'),
    'date-time': trans.__('2026-01-31T06:00 or {scheduled}'),
    secret: trans.__('name of the secret, such as API_KEY'),
    computed: field.code
  };
  return (
    <TextField
      {...shared}
      value={value}
      mode={field.type in modes ? modes[field.type as keyof typeof modes] : 'text'}
      placeholder={samples[field.type]}
      long={isLong(field)}
    />
  );
}

function Help(props: { field: FormField; changed: boolean }): React.ReactElement {
  const { trans } = useUi();
  const { field } = props;
  const types: Record<FormField['type'], string> = {
    text: trans.__('text'),
    whole: trans.__('whole number'),
    number: trans.__('number'),
    'yes-no': trans.__('yes or no'),
    date: trans.__('date'),
    'date-time': trans.__('date and time'),
    list: trans.__('list, one item a line'),
    secret: trans.__('secret, given by its name only'),
    computed: trans.__('computed by the notebook; a text here replaces it')
  };
  return (
    <>
      {field.help && <span>{field.help} · </span>}
      <span className="nacelle-Faint">{types[field.type]}</span>
      {props.changed && field.type !== 'computed' && (
        <span className="nacelle-Faint">
          {' '}
          {trans.__('(in the notebook: %1)', field.code || trans.__('nothing'))}
        </span>
      )}
    </>
  );
}
