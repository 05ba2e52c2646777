/**
 * A notebook's parameters between form and service.
 *
 * What a person types is kept as text (a yes-no as true or false) until it is sent; what is as the
 * notebook has it is not sent, so that the notebook's default stays in force. The service alone
 * decides whether a value is right.
 */
import type { Form, FormField, Plain, Scalar, TypedValue } from './types.ts';

export type Typed = string | boolean;
export type TypedValues = Record<string, Typed>;

/** How a value stands in its control. */
export function shown(value: Plain | null | undefined, field: FormField): Typed {
  if (field.type === 'yes-no' && !field.choices.length) {
    return value === true;
  }
  if (value === null || value === undefined) {
    return '';
  }
  return Array.isArray(value) ? value.map(String).join('\n') : String(value);
}

/** The controls as they are at first: given values before the notebook's defaults. */
export function initial(form: Form, given: Record<string, TypedValue> = {}): TypedValues {
  return Object.fromEntries(
    form.fields.map(field => [
      field.name,
      shown(given[field.name] ? given[field.name].value : field.default, field)
    ])
  );
}

/** Whether a control holds what the notebook has. */
export function isDefault(typed: Typed, field: FormField): boolean {
  return typed === shown(field.default, field);
}

/** What is sent: values that differ from the notebook's own. */
export function toSend(form: Form, typed: TypedValues): Record<string, Plain> {
  const values: Record<string, Plain> = {};
  for (const field of form.fields) {
    const one = typed[field.name];
    if (one !== undefined && !isDefault(one, field)) {
      values[field.name] = read(one, field);
    }
  }
  return values;
}

function read(typed: Typed, field: FormField): Plain {
  if (typeof typed === 'boolean') {
    return typed;
  }
  const choice = field.choices.find(one => String(one) === typed);
  if (choice !== undefined) {
    return choice;
  }
  if (field.type === 'list') {
    return typed
      .split('\n')
      .filter(line => line.trim())
      .map(line => scalar(line, field.items));
  }
  return field.type === 'text' || field.type === 'computed' ? typed : scalar(typed, field.type);
}

/** A number where a number is asked for and written; else the text, which the service explains. */
function scalar(text: string, type: FormField['type']): Scalar {
  const trimmed = text.trim();
  if (type === 'whole' && /^[+-]?\d{1,15}$/.test(trimmed)) {
    return Number(trimmed);
  }
  if (type === 'number' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(trimmed)) {
    return Number(trimmed);
  }
  return trimmed;
}

/** Whether a text needs more than one line. */
export function isLong(field: FormField): boolean {
  const text = typeof field.default === 'string' ? field.default : '';
  return field.type === 'list' || (field.type === 'text' && (text.includes('\n') || text.length > 80));
}
