/** Server-sent events (HTML standard, 9.2.6), read from a stream of text. */

export interface ServerEvent {
  id: string;
  data: string;
}

export class EventReader {
  private _rest = '';
  private _id = '';
  private _data: string[] = [];

  /** The events that a piece of text completes; pieces may end anywhere. */
  push(text: string): ServerEvent[] {
    this._rest += text;
    const found: ServerEvent[] = [];
    for (;;) {
      const match = /\r\n|\n|\r(?=[^])/.exec(this._rest);
      if (!match) {
        return found;
      }
      const line = this._rest.slice(0, match.index);
      this._rest = this._rest.slice(match.index + match[0].length);
      const event = this._line(line);
      if (event) {
        found.push(event);
      }
    }
  }

  private _line(line: string): ServerEvent | null {
    if (line === '') {
      const data = this._data;
      this._data = [];
      return data.length ? { id: this._id, data: data.join('\n') } : null;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') {
      this._data.push(value);
    } else if (name === 'id' && !value.includes('\0')) {
      this._id = value;
    }
    return null;
  }
}
