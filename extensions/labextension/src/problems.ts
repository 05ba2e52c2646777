/** Errors of the service, brought to the fields that they speak of. */
import type { Finding, Said } from './types.ts';

export interface FieldError extends Said {
  field: string;
}

export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  said?: Said;
  request_id?: string;
  errors?: FieldError[];
  findings?: Finding[];
}

export const KEYS_FOUND = 'urn:nacelle:keys-found';

/** The service or the way to it said no. */
export class ServiceError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.detail || problem.title || `HTTP ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

export interface Sorted {
  /** By the name of the field of the form. */
  beside: Record<string, Said[]>;
  /** Those of no field that the form shows. */
  rest: Said[];
}

/** Put each error beside the field that it names, or the nearest one around it. */
export function sortErrors(errors: FieldError[], fields: Iterable<string>): Sorted {
  const known = new Set(fields);
  const sorted: Sorted = { beside: {}, rest: [] };
  for (const error of errors) {
    const place = nearest(error.field, known);
    if (place) {
      (sorted.beside[place] ??= []).push(error);
    } else {
      sorted.rest.push(error);
    }
  }
  return sorted;
}

function nearest(field: string, known: Set<string>): string | null {
  const parameter = `parameters.${field}`;
  if (known.has(parameter)) {
    return parameter;
  }
  for (let name = field; name; name = name.replace(/\.?[^.]*$/, '')) {
    if (known.has(name)) {
      return name;
    }
  }
  // `schedule` may be named for its line, `retry` for its count: the first field within.
  return [...known].find(one => field && one.startsWith(`${field}.`)) ?? null;
}

/** What can be said of any error. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ServiceError) {
    return error.problem;
  }
  return { detail: error instanceof Error ? error.message : String(error) };
}

/** A problem in a sentence. */
export function problemText(problem: Problem, say: (said: Said) => string): string {
  return problem.said ? say(problem.said) : (problem.detail ?? problem.title ?? '');
}
